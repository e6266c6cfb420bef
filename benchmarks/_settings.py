"""The portal's own settings, with the address of the page to compare with."""

from scp_portal.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks._usual_way"
WSGI_APPLICATION = "benchmarks._usual_way.application"
