"""The registry's pages in the admin."""

from registry.admin import contracts, integrations, partners, people, tenants

__all__ = ["contracts", "integrations", "partners", "people", "tenants"]
