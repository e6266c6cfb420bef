"""The one table of transitions (governance of integrations, B-6.1-1): Python, trigger, picture and tests read it."""

from __future__ import annotations

from django.db import models


class Status(models.TextChoices):
    """The ten states of an integration."""

    DRAFT = "draft", "Draft"
    REQUESTED = "requested", "Requested"
    REVIEWED = "reviewed", "Reviewed"
    APPROVED = "approved", "Approved"
    ACTIVE = "active", "Active"
    RESTRICTED = "restricted", "Restricted"
    SUSPENDED = "suspended", "Suspended"
    DEPRECATED = "deprecated", "Deprecated"
    ARCHIVED = "archived", "Archived"
    REJECTED = "rejected", "Rejected"


class Moves:
    """django-fsm methods made from the table, mixed into the model."""
