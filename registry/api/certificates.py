"""The client certificate of a connection, as our own TLS proxy tells it (B-7.2-2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import HttpRequest

from scp_portal.kernel.facts import from_own_proxy

HEX_DIGEST = re.compile(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}")
LONGEST = 16 * 1024


def client_thumbprint(request: HttpRequest) -> str:
    """SHA-256 of the client certificate, in hexadecimal; empty when there is none.

    The header of settings.CLIENT_CERTIFICATE_HEADER counts only on a connection from settings.TRUSTED_PROXIES. It may
    hold the digest itself, a PEM text (URL-escaped or not), or the DER as RFC 9440 writes it (`:base64:`).
    """
    name = settings.CLIENT_CERTIFICATE_HEADER
    if not name or not from_own_proxy(request):
        return ""
    value = request.META.get(f"HTTP_{name.upper().replace('-', '_')}", "").strip()
    return _thumbprint(value) if len(value) <= LONGEST else ""


def _thumbprint(value: str) -> str:
    if HEX_DIGEST.fullmatch(value):
        return value.replace(":", "").lower()
    try:
        if value.startswith(":") and value.endswith(":"):
            der = base64.b64decode(value[1:-1], validate=True)
            return hashlib.sha256(x509.load_der_x509_certificate(der).public_bytes(Encoding.DER)).hexdigest()
        certificate = x509.load_pem_x509_certificate(unquote(value).encode())
        return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    except (ValueError, binascii.Error):
        return ""
