"""Consent of one person: looked up by reference, for a stated reason, on the record (B-4.3-*). No list of persons.

The reference travels in the body of the request, never in an address, a title or a log.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit import actions as audit
from registry.actions import consent
from registry.models import ConsentState, Person, Role, Tenant, Vertical
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.governed import GovernedAdmin, actor_of
from scp_portal.kernel.tenancy import tenant_context

LOOKING = frozenset({Role.TENANT_ADMIN, Role.VERTICAL_OWNER})


class LookupForm(forms.Form):
    tenant = forms.ModelChoiceField(Tenant.objects.none(), label=_("Country"), empty_label=None)
    reference = forms.CharField(
        label=_("Person's reference"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}),
        help_text=_("The platform's key for the person, in full. There is no search by name."),
    )
    reason = forms.CharField(
        label=_("Why you look"),
        min_length=4,
        max_length=200,
        help_text=_("A case number or a few words. It is recorded."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Tenant.objects.filter(pk__in=actor.tenants_as(*LOOKING) or ())
        self.fields["tenant"].queryset = mine  # type: ignore[attr-defined]


@admin.register(Person)
class PersonAdmin(GovernedAdmin):
    viewers = LOOKING

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.lookup), name="registry_person_changelist"),
            path("withdraw/", wrap(require_POST(self.withdraw)), name="registry_person_withdraw"),
        ]

    def lookup(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        actor = actor_of(request)
        form = LookupForm(request.POST if request.method == "POST" else None, actor=actor)
        context = {**self.admin_site.each_context(request), "title": _t("Consent"), "form": form, "looked": False}
        if form.is_valid():
            context |= self._found(request, actor, form.cleaned_data)
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "admin/registry/consent.html", context, status=status)

    def _found(self, request: HttpRequest, actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
        """The person's consents that this reader answers for. That they looked, and found or not, is recorded."""
        tenant = asked["tenant"]
        person = Person.objects.filter(tenant=tenant, reference=asked["reference"]).first()
        audit.record(
            "consent.looked_up",
            actor=actor,
            result=audit.Result.SUCCESS,
            tenant_id=tenant.pk,
            subject=f"person:{person.pk}" if person else "",
            data={"found": person is not None, "reason": asked["reason"]},
            request=RequestFacts.of(request),
        )
        states = self.states(actor, person) if person else []
        return {
            "looked": True,
            "person_found": person,
            "states": states,
            "may_withdraw": consent.may_record_consent(actor, tenant.pk),
        }

    def states(self, actor: Actor, person: Person) -> QuerySet[ConsentState]:
        rows = ConsentState.objects.filter(person=person).select_related("vertical").order_by("vertical")
        if actor.holds(Role.TENANT_ADMIN, tenant_id=person.tenant_id):
            return rows
        owned = [
            code for code in Vertical.objects.values_list("code", flat=True) if _owns(actor, person.tenant_id, code)
        ]
        return rows.filter(vertical__in=owned)

    def withdraw(self, request: HttpRequest) -> HttpResponse:
        """As easy as giving: one button. The action asks whether this person may."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = WithdrawForm(request.POST)
        person = Person.objects.filter(pk=form.cleaned_data["person"]).first() if form.is_valid() else None
        if person is None:
            raise Http404
        with tenant_context(person.tenant_id):
            consent.withdraw(
                person, form.cleaned_data["vertical"], actor=actor_of(request), reason=form.cleaned_data["reason"]
            )
        told = _t("Withdrawn. It holds from this moment: every read that starts now leaves the person out.")
        self.message_user(request, told)
        return HttpResponseRedirect(reverse("admin:registry_person_changelist"))


class WithdrawForm(forms.Form):
    person = forms.UUIDField()
    vertical = forms.SlugField()
    reason = forms.CharField(required=False, max_length=200)


def _owns(actor: Actor, tenant_id: str, vertical: str) -> bool:
    return actor.holds(Role.VERTICAL_OWNER, tenant_id=tenant_id, vertical=vertical)
