"""Who gets in when a view says nothing. Lies apart: DRF looks it up while its own views are still being imported."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    """The default permission: a view that says nothing lets nobody in."""

    def has_permission(self, request: Request, view: object) -> bool:
        return False
