"""The registry's pages in the admin."""

from registry.admin import integrations, partners, people, tenants

__all__ = ["integrations", "partners", "people", "tenants"]
