from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Brings the command `load_demo`; has no tables."""

    name = "scp_portal.demo"
    label = "demo"
