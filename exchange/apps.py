from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Data crossing the boundary: datasets, records, the governed read."""

    name = "exchange"
    default_auto_field = "django.db.models.BigAutoField"
