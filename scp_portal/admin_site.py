"""The admin site: who is let in, in whose rows, and the frame around every page.

One transaction per request, with the person's tenants as its row-level security; the page is rendered inside it, so
that nothing lazy runs outside. A refusal rolls it back and becomes a page in plain words.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial, update_wrapper
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, re_path, reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from audit import actions as audit
from registry import review
from registry.models import ClientSync, Role, Tenant, User
from scp_portal import admin_home
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.governed import GovernedAdmin, Outside, actor_of
from scp_portal.kernel.problems import AuditUnavailable, NotFound, Problem
from scp_portal.kernel.tenancy import ALL_TENANTS, TENANT_CODE, tenant_context

View = Callable[..., HttpResponseBase]
SCOPE = "scope"
"""Session key: the one tenant that a person of several has chosen to look at."""


class PortalAdminSite(admin.AdminSite):
    site_header = "Integration Portal"
    site_title = "SCP Integration Portal"
    enable_nav_sidebar = False

    # -- the way in ----------------------------------------------------------------------------------------------

    def admin_view(self, view: View, cacheable: bool = False) -> Any:
        inside = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
            if _unreadable(request):
                return self.answer(request, lambda: self.nothing(request))
            return self.answer(request, lambda: inside(request, *args, **kwargs))

        return update_wrapper(guarded, view)

    def answer(self, request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """The view's answer, or the page that says why there is none."""
        try:
            response = self.as_person(request, view)
            if isinstance(response, Outside):
                response = self.as_person(request, partial(response.then, _outcome(response)))
        except (Problem, PermissionDenied, Http404) as refusal:
            told = self.recorded(request, refusal)
            response = self.as_person(request, lambda: self.refused(request, told))
        response["Cache-Control"] = "no-store"
        return response

    def as_person(self, request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Run and render inside one transaction that sees this person's tenants only."""
        user = _person(request)
        with transaction.atomic(), tenant_context(person_id=str(user.pk)), ExitStack() as inner:
            actor = user.as_actor(getattr(request, "request_id", ""))
            request.actor = actor  # type: ignore[attr-defined]
            inner.enter_context(tenant_context(*_scope(request, actor)))
            for local in _locale(request, user, actor):
                inner.enter_context(local)
            response = view() if user.is_staff else self.no_role(request)
            if isinstance(response, TemplateResponse):
                response.render()
            return response

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated and _person(request).is_staff

    def no_role(self, request: HttpRequest) -> HttpResponse:
        context = self.each_context(request) | {"title": _("Welcome. You have no role here yet.")}
        return TemplateResponse(request, "admin/no_role.html", context, status=403)

    def recorded(self, request: HttpRequest, refusal: Exception) -> Exception:
        """What an action refused it has recorded itself; a page that may not be opened is recorded here."""
        if not isinstance(refusal, PermissionDenied):
            return refusal
        try:
            audit.record(
                "admin.access_denied",
                actor=actor_of(request),
                result=audit.Result.DENIED,
                kind=audit.Kind.DENIED,
                request=RequestFacts.of(request),
                code="permission_refused",
                http=403,
                autonomous=True,
            )
        except AuditUnavailable as outage:
            return outage
        return refusal

    def refused(self, request: HttpRequest, refusal: Exception) -> HttpResponse:
        """403, 404 and what an action refused, in plain words."""
        context = self.each_context(request) | {"reference": getattr(request, "request_id", "")}
        if isinstance(refusal, Http404 | NotFound):
            context |= {
                "title": _("There is nothing here"),
                "advice": _("It may have moved, or it belongs to a scope your roles do not cover."),
            }
            return TemplateResponse(request, "admin/refused.html", context, status=404)
        if isinstance(refusal, Problem):
            who_can = refusal.extra.get("who_can", "")
            context |= {"title": refusal.title, "advice": refusal.detail, "who_can": who_can}
            return TemplateResponse(request, "admin/refused.html", context, status=refusal.status)
        context |= {"title": _("You cannot open this"), "advice": _your_scope(actor_of(request))}
        return TemplateResponse(request, "admin/refused.html", context, status=403)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect_to_login(request.GET.get("next", reverse("admin:index")), settings.LOGIN_URL)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only governed pages: what installed packages bring along (groups, log entries) is not part of the portal."""
        if admin_class is not None and issubclass(admin_class, GovernedAdmin):
            super().register(model_or_iterable, admin_class, **options)

    # -- addresses -----------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Only what the portal uses: no password pages, no shortcuts by content type, no autocomplete."""
        wrap = self.admin_view
        own = [
            path("", wrap(self.index), name="index"),
            path("login/", self.login, name="login"),
            path("reviews/", wrap(self.reviews), name="reviews"),
            path("scope/", wrap(require_POST(self.choose_scope)), name="scope"),
            path("language/", wrap(require_POST(_set_language)), name="language"),
        ]
        models = [
            path(f"{model._meta.app_label}/{model._meta.model_name}/", include(model_admin.get_urls()))
            for model, model_admin in self._registry.items()
        ]
        return [*own, *models, re_path(r".*", wrap(self.nothing))]

    def nothing(self, request: HttpRequest) -> HttpResponse:
        raise Http404

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        context = self.each_context(request) | admin_home.home(actor_of(request), timezone.now())
        return TemplateResponse(request, "admin/index.html", context)

    def reviews(self, request: HttpRequest) -> HttpResponse:
        if not review.takes_part(actor_of(request)):
            raise PermissionDenied
        context = self.each_context(request) | admin_home.reviews(actor_of(request), request.GET)
        return TemplateResponse(request, "admin/reviews.html", context)

    def choose_scope(self, request: HttpRequest) -> HttpResponse:
        """Look at one tenant, or at all that one may see. It narrows; it cannot widen."""
        code = request.POST.get("tenant", "")
        if code and not _may_see(actor_of(request), code):
            raise PermissionDenied
        request.session[SCOPE] = code
        target = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
        return HttpResponseRedirect(target if safe else reverse("admin:index"))

    # -- the frame -----------------------------------------------------------------------------------------------

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        actor = actor_of(request)
        return {
            "site_title": self.site_title,
            "site_header": _("Integration Portal"),
            "environment": {
                "name": settings.ENVIRONMENT_NAME,
                "kind": "production" if settings.ENVIRONMENT_NAME.lower() == "production" else "",
            },
            "languages": settings.LANGUAGES,
            "person": _chip(actor),
            "scope": _scope_chip(request, actor) if actor.grants else None,
            "nav": self.navigation(request) if _person(request).is_staff else [],
            "banner": _banner(),
            "has_permission": self.has_permission(request),
            "is_popup": False,
        }

    def navigation(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The groups of pages this person may open, with what waits for them counted."""
        actor = actor_of(request)
        groups = []
        for name, entries in _navigation():
            drawn = [
                entry for key, symbol, label in entries if (entry := self._entry(request, actor, key, symbol, label))
            ]
            if drawn:
                groups.append({"name": name, "entries": drawn})
        return groups

    def _entry(self, request: HttpRequest, actor: Actor, key: str, symbol: str, label: str) -> dict[str, Any] | None:
        count = 0
        if key == "reviews":
            if not review.takes_part(actor):
                return None
            count = len(review.mine(actor))
        elif key != "index" and not self._shows(request, key):
            return None
        url = reverse(f"admin:{key}" if "_" not in key else f"admin:{key}_changelist")
        current = request.path == url if key == "index" else request.path.startswith(url)
        return {"url": url, "icon": symbol, "name": label, "count": count, "current": current}

    def _shows(self, request: HttpRequest, key: str) -> bool:
        found = (
            one for model, one in self._registry.items() if f"{model._meta.app_label}_{model._meta.model_name}" == key
        )
        return any(one.has_view_permission(request) for one in found)


def _navigation() -> tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]:
    return (
        ("", (
            ("index", "home", _("Home")),
            ("reviews", "inbox", _("Reviews")),
            ("registry_integration", "link", _("Integrations")),
        )),
        (_("Agreements"), (
            ("registry_datacontract", "contract", _("Contracts")),
            ("registry_partner", "partner", _("Partners")),
            ("registry_ratelimitpolicy", "gauge", _("Rate limits")),
        )),
        (_("Data"), (
            ("exchange_dataset", "data", _("Datasets")),
            ("registry_person", "consent", _("Consent")),
        )),
        (_("Oversight"), (("audit_entry", "audit", _("Audit")),)),
        (_("Administration"), (
            ("registry_tenant", "globe", _("Countries")),
            ("registry_vertical", "layers", _("Verticals")),
            ("registry_user", "people", _("People")),
            ("registry_rolegrant", "key", _("Roles")),
            ("registry_rolemapping", "layers", _("Role mapping")),
        )),
    )  # fmt: skip


def _outcome(waiting: Outside) -> object:
    try:
        return waiting.work()
    except Problem as problem:
        return problem


def _unreadable(request: HttpRequest) -> bool:
    """A NUL in the address: no text of the database holds one, so it names nothing that there is."""
    return "\0" in request.path or any("\0" in text for name, all_ in request.GET.lists() for text in (name, *all_))


def _set_language(request: HttpRequest) -> HttpResponseBase:
    return set_language(request)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied("not a person")
    return request.user


def _may_see(actor: Actor, code: str) -> bool:
    """A person of all tenants may name any; what is not even a code would fail every page from then on."""
    if actor.tenants is None:
        return TENANT_CODE.fullmatch(code) is not None
    return code in actor.tenants


def _scope(request: HttpRequest, actor: Actor) -> tuple[str, ...]:
    chosen = request.session.get(SCOPE, "")
    if chosen and _may_see(actor, chosen):
        return (chosen,)
    return (ALL_TENANTS,) if actor.tenants is None else tuple(sorted(actor.tenants))


def _locale(request: HttpRequest, user: User, actor: Actor) -> tuple[Any, ...]:
    """Language and zone: the person's choice, else that of their only tenant, else the browser's and UTC."""
    tenant = Tenant.objects.filter(pk__in=actor.tenants).first() if actor.tenants and len(actor.tenants) == 1 else None
    zone = user.time_zone or (tenant.time_zone if tenant else "UTC")
    chosen_here = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
    language = "" if chosen_here else user.language or (tenant.language if tenant else "")
    if language not in dict(settings.LANGUAGES):
        language = translation.get_language() or settings.LANGUAGE_CODE
    return (translation.override(language), timezone.override(zoneinfo.ZoneInfo(zone)))


def _chip(actor: Actor) -> dict[str, Any]:
    roles = sorted({_role(grant.role, grant.tenant_id, grant.vertical) for grant in actor.grants})
    return {"id": actor.id, "name": actor.name, "roles": roles, "role": roles[0] if roles else _("Member")}


def _role(role: str, tenant_id: str | None, vertical: str | None) -> str:
    where = ", ".join(part for part in (tenant_id, vertical) if part)
    label = _(str(Role(role).label)) if role in Role.values else role
    return f"{label}: {where}" if where else label


def _scope_chip(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """What the header says about whose rows are shown, and the choices of a person with several tenants."""
    chosen = _scope(request, actor)
    everywhere = chosen == (ALL_TENANTS,)
    known = dict(Tenant.objects.values_list("code", "name"))
    mine = sorted(known) if actor.tenants is None else sorted(actor.tenants)
    name = _("All countries") if everywhere else ", ".join(known.get(code, code) for code in chosen)
    all_of_them = {"code": "", "name": _("All of them"), "chosen": len(chosen) > 1 or everywhere}
    each = [{"code": code, "name": known.get(code, code), "chosen": chosen == (code,)} for code in mine]
    return {"name": name, "everywhere": everywhere, "choices": [all_of_them, *each] if len(mine) > 1 else []}


def _banner() -> str:
    """One sentence when the identity server owes us answers; the page works on without it."""
    late = ClientSync.objects.exclude(last_error="").order_by("wanted_at").first()
    if late is None:
        return ""
    since = timezone.localtime(late.wanted_at)
    return _(
        "The identity server has not taken a change since %(time)s. Reviewing works; what waits for it is tried again."
    ) % {"time": f"{since:%H:%M} {since.tzname()}"}


def _your_scope(actor: Actor) -> str:
    roles = ", ".join(_chip(actor)["roles"]) or _("Member")
    return _("Your roles do not cover it. They are: %(roles)s. The attempt is recorded.") % {"roles": roles}
