from django.apps import AppConfig


class AuditConfig(AppConfig):
    """What happened, append-only; and the outbox of events."""

    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Gives the API its recorder: the kernel lies below this floor and cannot import it."""
        from audit.requests import RequestRecorder
        from scp_portal.kernel.api import use_recorder

        use_recorder(RequestRecorder())
