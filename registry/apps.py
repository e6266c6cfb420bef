from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Who may exchange what: tenants, accounts, partners, contracts, consent, integrations, policy."""

    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"
