"""The admin app, with the portal's own site and the portal's system checks."""

from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """`django.contrib.admin` with `scp_portal.admin_site.PortalAdminSite` as its default site."""

    default_site = "scp_portal.admin_site.PortalAdminSite"

    def ready(self) -> None:
        from scp_portal import (
            celery,  # noqa: F401  # makes the configured app the one that `current_app` means, in every process
            checks,  # noqa: F401  # registers the checks; models must be loaded first
        )

        super().ready()
