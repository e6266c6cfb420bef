"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scp_portal.settings")

application = get_wsgi_application()

from scp_portal.checks import refuse_to_start  # noqa: E402  # needs the settings loaded

refuse_to_start()
