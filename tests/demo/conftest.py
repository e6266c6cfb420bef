from tests.embedded_issuer import issuer, issuer_address

__all__ = ["issuer", "issuer_address"]
