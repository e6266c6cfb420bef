"""The exchange's tables."""

from exchange.models.dataset import Dataset
from exchange.models.record import Record

__all__ = ["Dataset", "Record"]
