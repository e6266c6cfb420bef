from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Events leaving the boundary. The outbox they come from is `audit.models.Event`."""

    name = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"
