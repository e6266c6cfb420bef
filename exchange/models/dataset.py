"""Datasets: the kinds of record that can cross the boundary, and the fields they have."""

from __future__ import annotations

from django.db import models

from registry.models import Vertical


class Dataset(models.Model):
    """What the core publishes under one name. Its fields exist before any contract grants them.

    `fields` maps a field's name to {"type": JSON Schema type, "class": category, "title": text}.
    """

    name = models.SlugField(primary_key=True, max_length=64)
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    person_free = models.BooleanField(default=False, help_text="No record here is about a person.")
    fields = models.JSONField(default=dict)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title
