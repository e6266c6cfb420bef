"""What every address under /api/ shares: strict input, problem documents, one audit entry per request."""

from scp_portal.kernel.api.access import DenyAll
from scp_portal.kernel.api.middleware import ProblemMiddleware, refuse
from scp_portal.kernel.api.parsing import StrictJSONParser, parse_json
from scp_portal.kernel.api.recording import Receipt, Recorder, use_recorder
from scp_portal.kernel.api.rendering import JSONRenderer
from scp_portal.kernel.api.responses import problem_response
from scp_portal.kernel.api.views import PortalAPIView, exception_handler

__all__ = [
    "DenyAll",
    "JSONRenderer",
    "PortalAPIView",
    "ProblemMiddleware",
    "Receipt",
    "Recorder",
    "StrictJSONParser",
    "exception_handler",
    "parse_json",
    "problem_response",
    "refuse",
    "use_recorder",
]
