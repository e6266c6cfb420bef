"""The draft as a form, in plain words, with choices limited to what the person and the country have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry.contracts.dpv import LEGAL_BASES, NAMESPACE
from registry.models import DataContract, Integration, Partner, RateLimitPolicy, Role, TenantVertical, Vertical
from scp_portal.kernel.actor import Actor

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Integration]
else:
    ModelForm = forms.ModelForm  # not subscriptable at run time

FIELDSETS: Any = (
    (
        _("Partner"),
        {"fields": ("expected_version", "partner", "integration_name"), "description": _("Who it is for.")},
    ),
    (
        _("Purpose and basis"),
        {
            "fields": ("purpose", "legal_basis", "legal_basis_reference", "retention_days", "transfers", "dpia_link"),
            "description": _("Without these answers it cannot be submitted. A draft may be incomplete."),
        },
    ),
    (_("Data"), {"fields": ("vertical_ids", "data_contract", "active_from", "active_until")}),
    (
        _("Technical"),
        {
            "fields": (
                "rate_limit_policy",
                "token_lifetime",
                "ip_allowlist",
                "mtls_required",
                "certificate_thumbprint",
            ),
            "description": _("These may change later without a new review."),
        },
    ),
)


class LinesField(forms.CharField):
    """A list written one per line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").replace(",", "\n").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or []) != self.to_python(data))


def moment_field(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


def text_area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "dir": "auto"})


def legal_bases() -> list[tuple[str, str]]:
    """The vocabulary's terms, in words."""
    named = ((f"{NAMESPACE}{term}", re.sub(r"(?<!^)(?=[A-Z])", " ", term).capitalize()) for term in LEGAL_BASES)
    return [("", _t("Choose…")), *sorted(named, key=lambda pair: pair[1])]


class DraftForm(ModelForm):
    actor: Actor

    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    partner = forms.ModelChoiceField(Partner.objects.none(), label=_("Partner"), empty_label=_("Choose…"))
    integration_name = forms.CharField(
        label=_("Name"),
        max_length=200,
        help_text=_("What people call it. It need not be secret, and holds no name of a person."),
    )
    purpose = forms.CharField(
        label=_("Purpose"),
        required=False,
        widget=text_area(3),
        help_text=_("Why the partner needs these data, in a sentence or two."),
    )
    legal_basis = forms.ChoiceField(label=_("Legal basis"), required=False, choices=legal_bases)
    legal_basis_reference = forms.CharField(
        label=_("Law or assessment"),
        required=False,
        max_length=200,
        help_text=_("Law, section, or number of an assessment."),
    )
    retention_days = forms.IntegerField(
        label=_("Partner deletes after (days)"), required=False, min_value=1, max_value=36500
    )
    transfers = forms.CharField(
        label=_("Where the data go from there"),
        required=False,
        widget=text_area(2),
        help_text=_("Write “none” if nowhere."),
    )
    dpia_link = forms.URLField(
        label=_("Impact assessment"), required=False, assume_scheme="https", help_text=_("A link. Needed at high risk.")
    )
    vertical_ids = forms.MultipleChoiceField(
        label=_("Verticals"), widget=forms.CheckboxSelectMultiple, help_text=_("Each one's owner reviews it.")
    )
    data_contract = forms.ModelChoiceField(
        DataContract.objects.none(),
        label=_("Contract"),
        required=False,
        empty_label=_("Choose…"),
        help_text=_("Published contracts of the country."),
    )
    active_from = moment_field(_("In use from"))
    active_until = moment_field(_("In use until"))
    rate_limit_policy = forms.ModelChoiceField(
        RateLimitPolicy.objects.none(), label=_("Rate limit"), required=False, empty_label=_("Choose…")
    )
    token_lifetime = forms.IntegerField(label=_("Token lives (seconds)"), min_value=60, max_value=900, initial=300)
    ip_allowlist = LinesField(
        label=_("Network addresses"), required=False, widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
        help_text=_("One address or range per line. Empty: any address."),
    )  # fmt: skip
    mtls_required = forms.BooleanField(label=_("A client certificate is required"), required=False)
    certificate_thumbprint = forms.CharField(
        label=_("Certificate's thumbprint"),
        required=False,
        max_length=64,
        help_text=_("SHA-256, 64 digits 0-9 and a-f."),
    )

    class Meta:
        model = Integration
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["partner"].queryset = self._partners()  # type: ignore[attr-defined]
        published = DataContract.objects.filter(status=DataContract.Status.PUBLISHED)
        self.fields["data_contract"].queryset = published  # type: ignore[attr-defined]
        self.fields["rate_limit_policy"].queryset = RateLimitPolicy.objects.all()  # type: ignore[attr-defined]
        codes = TenantVertical.objects.values_list("vertical_id", flat=True)
        choices = Vertical.objects.filter(pk__in=codes).values_list("code", "name")
        self.fields["vertical_ids"].choices = list(choices)  # type: ignore[attr-defined]
        self.fields["expected_version"].initial = self.instance.version
        zone = _t("Time in %(zone)s.") % {"zone": timezone.get_current_timezone_name()}
        for name in ("active_from", "active_until"):
            self.fields[name].help_text = zone

    def _partners(self) -> Any:
        """The country's partners; for a partner's own people, theirs."""
        rows = Partner.objects.filter(blocked_at=None)
        if self.actor.holds(Role.TENANT_ADMIN):
            return rows
        return rows.filter(pk__in=[grant.partner_id for grant in self.actor.grants if grant.partner_id])
