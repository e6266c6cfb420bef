"""A page of facts, with what can be done: for things that are no more than a few fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import GovernedAdmin, Offer, Text, actor_of


class FactsAdmin(GovernedAdmin):
    page_template = "admin/registry/facts_page.html"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows who fills it in: what may be chosen depends on that."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = actor_of(request)
        return form

    def facts(self, thing: Any) -> Iterable[tuple[Text, object]]:
        """Name and value of each fact."""
        raise NotImplementedError

    def page(self, request: HttpRequest, thing: Any) -> dict[str, Any]:
        facts = [(name, value) for name, value in self.facts(thing) if value not in ("", None)]
        return {"facts": facts, **self.choices(actor_of(request), thing)}

    def choices(self, actor: Actor, thing: Any) -> dict[str, Any]:
        """What this person cannot do here, for `parts/offers.html`."""
        offers: list[Offer] = list(self.offers(actor, thing))
        return {
            "barred": [offer for offer in offers if not offer.verdict.allowed],
            "can_act": any(offer.verdict.allowed for offer in offers),
        }
