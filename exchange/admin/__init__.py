"""The exchange's pages in the admin."""

from exchange.admin import datasets

__all__ = ["datasets"]
