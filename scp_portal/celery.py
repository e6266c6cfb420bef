"""The worker and the clock. Rows are the queue; Celery hosts the processes that claim them."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scp_portal.settings")

app = Celery("scp_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["audit", "registry"])
