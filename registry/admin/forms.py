"""What several forms of the registry share: a reason that stands in the trail, the countries one answers for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from registry.lifecycle import REASON_MIN_LENGTH
from registry.models import Role, Tenant
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.api.parsing import parse_json
from scp_portal.kernel.governed import StepForm
from scp_portal.kernel.problems import MalformedRequest

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Model]
else:
    ModelForm = forms.ModelForm  # not subscriptable at run time

WHY_HELP = _("At least %(n)d characters. It stands in the audit trail for good, so name no person.")


class WhyForm(StepForm):
    """A step that says why."""

    reason = forms.CharField(
        label=_("Reason"),
        min_length=REASON_MIN_LENGTH,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
        help_text=WHY_HELP % {"n": REASON_MIN_LENGTH},
    )


class OfATenantForm(ModelForm):
    """A form of something that belongs to a tenant for good: asked for when it is new, never again."""

    actor: Actor

    tenant = forms.ModelChoiceField(Tenant.objects.none(), label=_("Country"), empty_label=None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.fields["tenant"].queryset = administered(self.actor)  # type: ignore[attr-defined]
        else:
            del self.fields["tenant"]


def administered(actor: Actor) -> QuerySet[Tenant]:
    """Countries whose administrator the actor is."""
    mine = [tenant.pk for tenant in Tenant.objects.all() if actor.holds(Role.TENANT_ADMIN, tenant_id=tenant.pk)]
    return Tenant.objects.filter(pk__in=mine)


class RulesField(forms.CharField):
    """Rules written as JSON: an object, read strictly, shown with two blanks for each level."""

    widget = forms.Textarea(attrs={"class": "code", "dir": "ltr", "spellcheck": "false", "rows": 24})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        try:
            rules = parse_json((super().to_python(value) or "").encode("utf-8", "surrogatepass"))
        except MalformedRequest as error:
            raise forms.ValidationError(error.detail) from error
        if not isinstance(rules, dict):
            raise forms.ValidationError(_("The rules are an object, written in braces."))
        return rules

    def validate(self, value: Any) -> None:
        """An empty object is an answer: it omits everything."""
