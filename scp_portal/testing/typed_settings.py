"""The settings as mypy's Django plugin reads them: no server is spoken to, so no server is needed."""

import os

from scp_portal.testing.environment import ENVIRONMENT

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
for _name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
    os.environ.setdefault(_name, "postgresql://nobody@localhost/none")
os.environ.setdefault("REDIS_URL", "redis://localhost")

from scp_portal.settings import *  # noqa: E402, F403
