"""The form of what the core supplies; what an item may refer to is checked by the actions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from exchange.api.parameters import RFC3339
from registry.actions.consent import ACTOR_ROLES
from registry.models import ConsentStatus

LARGEST_BATCH = 1_000


class StrictItem(serializers.Serializer[Any]):
    """A member that is not known is a fault, so that nobody believes it was stored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            message = serializers.ErrorDetail("There is no such member.", "unknown_field")
            raise serializers.ValidationError({str(name)[:100]: [message] for name in unknown[:20]})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """As it was sent: a key with a blank at its end is another key, and the number 5 is no text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Moment(serializers.DateTimeField):
    """A day, or a time without its zone, is another moment to each reader: too little to say when consent ended."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not RFC3339.fullmatch(value):
            self.fail("invalid", format="2026-03-01T09:00:00Z")
        moment: datetime = super().to_internal_value(value.upper())
        return moment


class PersonItem(StrictItem):
    reference = Text(max_length=100, help_text="The core's key for this person.")


class RecordItem(StrictItem):
    dataset = serializers.SlugField(max_length=64)
    source_key = Text(max_length=200, help_text="The core's key; an upsert goes by it.")
    person = Text(
        max_length=100, allow_null=True, required=False, help_text="Reference of the person the record is about."
    )
    verticals = serializers.ListField(
        child=Text(max_length=32),
        required=False,
        max_length=16,
        help_text="Every vertical the record touches beyond its dataset's own.",
    )
    payload = serializers.DictField(help_text="Fields of the dataset by name.")


class ConsentItem(StrictItem):
    person = Text(max_length=100, help_text="Reference of the person.")
    vertical = Text(max_length=32)
    status = serializers.ChoiceField(choices=ConsentStatus.choices)
    notice_version = Text(max_length=32, required=False, allow_blank=True)
    method = Text(max_length=40, required=False)
    actor_role = serializers.ChoiceField(choices=ACTOR_ROLES, required=False)
    effective_at = Moment(required=False, allow_null=True)
    valid_until = Moment(required=False, allow_null=True)
    evidence_ref = Text(max_length=200, required=False, allow_blank=True)
