"""The steps of an integration as pages: one per step of the lifecycle that a person can take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry import lifecycle, permissions
from registry.actions import integrations
from registry.lifecycle import REASON_MIN_LENGTH, ReasonCode
from registry.models import Integration
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import Step, StepForm
from scp_portal.kernel.permissions import Verdict

REASON, NOTE = _("Reason"), _("Note")


class SeenForm(StepForm):
    """Carries the version the person looked at; the action refuses when it has moved since (412)."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)


class DecisionForm(SeenForm):
    """A decision also refers to the content's hash."""

    expected_hash = forms.CharField(widget=forms.HiddenInput, required=False)


def _reason(label: Any = REASON) -> forms.CharField:
    help_text = _("At least %(n)d characters. The people concerned read it; it stays in the history as you write it.")
    return forms.CharField(
        label=label,
        min_length=REASON_MIN_LENGTH,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
        help_text=help_text % {"n": REASON_MIN_LENGTH},
    )


def _note(label: Any = NOTE) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 3, "dir": "auto"})
    return forms.CharField(label=label, required=False, max_length=4000, widget=widget)


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, widget=widget)


class ReasonForm(SeenForm):
    reason = _reason()


class ReasonedDecisionForm(DecisionForm):
    reason = _reason(_("What has to change"))


class NoteForm(SeenForm):
    note = _note()


class NotedDecisionForm(DecisionForm):
    note = _note()


class OptionalReasonForm(SeenForm):
    reason = _note(_("Reason"))


class ApproveForm(DecisionForm):
    note = _note(_("Why you approve"))
    conditions = _note(_("Conditions"))


def _codes(step: str) -> list[tuple[str, str]]:
    row = next(row for row in lifecycle.TRANSITIONS if row.name == step and row.reason_codes)
    return [("", "—"), *((code.value, str(ReasonCode(code).label)) for code in row.reason_codes)]


class RejectForm(DecisionForm):
    reason_code = forms.ChoiceField(label=_("Kind of reason"), choices=partial(_codes, "reject"))
    reason = _reason()


class StopForm(SeenForm):
    reason_code = forms.ChoiceField(label=_("Kind of reason"), choices=partial(_codes, "suspend"))
    reason = _reason()


class TypedNameMixin(forms.Form):
    """The widest-reaching steps ask for the name, so that nobody does them to the wrong integration."""

    thing: Integration

    def clean_typed_name(self) -> str:
        typed = str(self.cleaned_data["typed_name"]).strip()
        if typed.casefold() != self.thing.integration_name.strip().casefold():
            raise forms.ValidationError(
                _t("This is not its name. Type: %(name)s") % {"name": self.thing.integration_name}
            )
        return typed

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned.pop("typed_name", None)
        return cleaned


class SuspendForm(TypedNameMixin, StopForm):
    typed_name = forms.CharField(label=_("Type the integration's name to confirm"), required=True)


class TerminateForm(TypedNameMixin, ReasonForm):
    typed_name = forms.CharField(label=_("Type the integration's name to confirm"), required=True)


class DeprecateForm(ReasonForm):
    sunset_at = _moment(_("Served until"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sunset_at"].help_text = _zone_help()


class RenewForm(ReasonForm):
    active_until = _moment(_("New end date"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["active_until"].help_text = _zone_help()


def _zone_help() -> str:
    return _t("Time in %(zone)s.") % {"zone": timezone.get_current_timezone_name()}


def _step(name: str, act: Callable[..., object], form: type[forms.Form], **looks: Any) -> Step:
    """A step page with label and consequence from the lifecycle's table."""
    row = next(row for row in lifecycle.TRANSITIONS if row.name == name and row.source)
    return Step(
        name=name,
        label=looks.pop("label", _(row.label)),
        act=act,
        verdict=partial(_may, name),
        form=form,
        consequence=partial(_consequence, name),
        offered=partial(_starts_here, name),
        **looks,
    )


def _may(name: str, actor: Actor, integration: Integration) -> Verdict:
    return permissions.may(name, actor, integration)


def _consequence(name: str, integration: Integration) -> str:
    rows = lifecycle.from_state(integration.status)
    return next((row.consequence for row in rows if row.name == name), "")


def _starts_here(name: str, integration: Integration) -> bool:
    return any(row.name == name for row in lifecycle.from_state(integration.status))


def _has_client(integration: Integration) -> bool:
    return integration.status in lifecycle.SERVING and bool(integration.auth_client_id)


STEPS = (
    _step("submit", integrations.submit, NoteForm, primary=True),
    _step("withdraw_request", integrations.withdraw_request, OptionalReasonForm),
    _step("accept", integrations.accept, NotedDecisionForm, primary=True),
    _step("return_for_changes", integrations.return_for_changes, ReasonedDecisionForm),
    _step("approve", integrations.approve, ApproveForm, primary=True),
    _step("reject", integrations.reject, RejectForm, danger=True),
    _step("revise", integrations.revise, SeenForm, primary=True),
    _step("activate", integrations.activate, DecisionForm, primary=True, outside=True),
    _step("void_approval", integrations.void_approval, OptionalReasonForm),
    _step("restrict", integrations.restrict, StopForm, danger=True),
    _step("resume", integrations.resume, ReasonForm, primary=True),
    _step("resume_restricted", integrations.resume_restricted, ReasonForm),
    _step("deprecate", integrations.deprecate, DeprecateForm),
    _step("cancel_deprecation", integrations.cancel_deprecation, NoteForm),
    _step("confirm_renewal", integrations.confirm_renewal, NotedDecisionForm),
    _step("renew", integrations.renew, RenewForm),
    Step(
        name="rotate_secret",
        label=_("Replace the secret"),
        act=integrations.rotate_secret,
        verdict=permissions.may_rotate_secret,
        form=SeenForm,
        consequence=_("The old secret stops working at once. The new one is shown to you once."),
        offered=_has_client,
        outside=True,
    ),
    _step("suspend", integrations.suspend, SuspendForm, danger=True),
    _step("archive", integrations.archive, NoteForm, danger=True),
    _step("terminate", integrations.terminate, TerminateForm, danger=True),
    _step("cancel", integrations.cancel, ReasonForm, danger=True, label=_("Cancel it for good")),
)
