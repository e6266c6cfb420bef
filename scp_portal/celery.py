"""The worker and the clock. Rows are the queue; Celery hosts the processes that claim them."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scp_portal.settings")

app = Celery("scp_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["audit", "registry"])


@beat_init.connect
@worker_init.connect
def check_settings(**kwargs: Any) -> None:
    """Worker and clock refuse unsafe settings just as the web process does."""
    from scp_portal.checks import refuse_to_start  # needs the settings loaded

    refuse_to_start()
