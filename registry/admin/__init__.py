"""The registry's pages in the admin."""

from registry.admin import consent, contracts, integrations, partners, people, tenants

__all__ = ["consent", "contracts", "integrations", "partners", "people", "tenants"]
