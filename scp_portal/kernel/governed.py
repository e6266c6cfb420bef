"""Admin pages for governed things: every change is an action, every governed move a step page of its own.

A `GovernedAdmin` is Django's ModelAdmin with everything taken away that writes on its own (bulk actions, deleting,
the admin's log, list editing). What is left asks a verdict and calls an action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from scp_portal.kernel.actor import Actor
from scp_portal.kernel.permissions import Verdict
from scp_portal.kernel.problems import Problem

Text = str | Promise
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin  # not subscriptable at run time


class StepForm(forms.Form):
    """What a step asks. The field `expected` carries what the person had before their eyes (412 when it moved)."""

    error_css_class = "has-error"
    required_css_class = "is-required"


@dataclass(frozen=True, slots=True)
class Step:
    """One governed move: a button if the verdict allows it, a sentence if not, a page that asks, an action that acts.

    `act(thing, *, actor, **cleaned)` is the action. `offered` says whether the thing is where this step starts; a
    step that is not offered is not drawn at all.
    """

    name: str
    label: Text
    act: Callable[..., object]
    verdict: Callable[[Actor, Any], Verdict]
    form: type[forms.Form] = StepForm
    danger: bool = False
    consequence: Callable[[Any], Text] | Text = ""
    offered: Callable[[Any], bool] = lambda thing: True
    primary: bool = False
    outside: bool = False
    """The action talks to another server, so it runs with no transaction open and opens its own."""
    removes: bool = False
    """Afterwards the thing is gone, and the list is shown."""

    def says(self, thing: Any) -> Text:
        """What will follow, in words."""
        return self.consequence(thing) if callable(self.consequence) else self.consequence


class Outside(HttpResponse):
    """Not yet an answer: work to be done once this request's transaction has ended, and the page that tells of it.

    The site runs `work` with no transaction open and renders `then` of what it returned, or of the Problem it raised.
    """

    def __init__(self, work: Callable[[], object], then: Callable[[object], HttpResponse]) -> None:
        super().__init__()
        self.work = work
        self.then = then


@dataclass(frozen=True, slots=True)
class Offer:
    """A step as one person sees it on one thing."""

    step: Step
    verdict: Verdict
    url: str


def actor_of(request: HttpRequest) -> Actor:
    """The person behind the request, as the admin site resolved them; without one nothing is done."""
    actor = getattr(request, "actor", None)
    if not isinstance(actor, Actor):
        raise PermissionDenied("no actor")
    return actor


class GovernedAdmin(ModelAdmin):
    """Who may look is said by role in `viewers`; who may write is said by `may_add` and `may_edit`.

    With a `page_template`, `…/change/` is a page to read and `…/edit/` the form; without one, the form is the page.
    """

    viewers: frozenset[str] = frozenset()
    steps: Sequence[Step] = ()
    page_template = ""
    intro: Text = ""
    empty: Text = ""

    actions = None
    list_per_page = 50
    list_max_show_all = 50
    save_as = False
    view_on_site = False
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    # -- who may -------------------------------------------------------------------------------------------------

    def may_add(self, actor: Actor) -> Verdict:
        return Verdict.no(_("This cannot be added here."))

    def may_edit(self, actor: Actor, thing: Any) -> Verdict:
        return Verdict.no(_("This cannot be changed here."))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).holds_any(*self.viewers)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and self.may_add(actor_of(request)).allowed

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and self.has_view_permission(request) and self.may_edit(actor_of(request), obj).allowed

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Rows of the tenants in which the reader may look at them, and rows of no tenant.

        Row-level security shows every tenant in which the person is anything at all, be it a member.
        """
        rows: models.QuerySet[Any] = super().get_queryset(request)
        tenants = actor_of(request).tenants_as(*self.viewers)
        if tenants is None or not any(field.attname == "tenant_id" for field in self.opts.concrete_fields):
            return rows
        return rows.filter(models.Q(tenant_id__in=tenants) | models.Q(tenant_id__isnull=True))

    # -- what is written -----------------------------------------------------------------------------------------

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> Any:
        """Call the action that makes one; answers the thing made."""
        raise PermissionDenied

    def edit(self, actor: Actor, thing: Any, cleaned: dict[str, Any]) -> Any:
        """Call the action that changes one; `thing` is as stored, `cleaned` what the form says now."""
        raise PermissionDenied

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """The action writes; Django goes on with what the action answers."""
        if not change:
            return self.create(actor_of(request), form.cleaned_data)
        stored = self.get_queryset(request).get(pk=form.instance.pk)
        return self.edit(actor_of(request), stored, form.cleaned_data)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: `save_form` has called the action."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: there are no inlines, and the action has written all."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Nothing: the audit trail is the log."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Nothing: the audit trail is the log."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A refusal by the action comes back as errors of the form, with everything typed still in it."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Problem as problem:
            request.refusal = problem  # type: ignore[attr-defined]
            response = super().changeform_view(request, object_id, form_url, extra_context)
            response.status_code = problem.status
            return response

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else refusing(form, refusal)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, _("%(thing)s was created.") % {"thing": obj}, messages.SUCCESS)
        return HttpResponseRedirect(self.address(obj))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self.message_user(request, _("%(thing)s was saved.") % {"thing": obj}, messages.SUCCESS)
        return HttpResponseRedirect(self.address(obj))

    # -- pages ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            path("add/", wrap(self.add_view), name=f"{name}_add"),
            path("<path:object_id>/step/<slug:step_name>/", wrap(self.step_view), name=f"{name}_step"),
            path("<path:object_id>/edit/", wrap(self.edit_view), name=f"{name}_edit"),
            path("<path:object_id>/change/", wrap(self.change_view), name=f"{name}_change"),
        ]

    def address(self, thing: Any, page: str = "change", *more: str) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        return reverse(name, args=[thing.pk, *more], current_app=self.admin_site.name)

    def list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        extra = {"title": capfirst(self.opts.verbose_name_plural), "admin_intro": self.intro, "admin_empty": self.empty}
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        if not self.page_template:
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        thing = self.existing(request, object_id)
        return TemplateResponse(request, self.page_template, self.frame(request, thing) | self.page(request, thing))

    def edit_view(self, request: HttpRequest, object_id: str) -> Any:
        thing = self.existing(request, object_id)
        if not self.has_change_permission(request, thing):
            raise PermissionDenied(self.may_edit(actor_of(request), thing).why)
        return self.changeform_view(request, object_id)

    def page(self, request: HttpRequest, thing: Any) -> dict[str, Any]:
        """What the page template is given besides the frame."""
        return {}

    def frame(self, request: HttpRequest, thing: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": str(thing),
            "original": thing,
            "opts": self.opts,
            "list_url": self.list_address(),
            "page_url": self.address(thing),
            "edit_url": self.address(thing, "edit") if self.has_change_permission(request, thing) else "",
            "offers": list(self.offers(actor_of(request), thing)),
        }

    def existing(self, request: HttpRequest, object_id: str) -> Any:
        """What is not yours does not exist."""
        thing = self.get_object(request, unquote(object_id))
        if thing is None:
            raise Http404
        if not self.has_view_permission(request, thing):
            raise PermissionDenied
        return thing

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str | None) -> HttpResponse:
        raise Http404

    # -- steps ---------------------------------------------------------------------------------------------------

    def offers(self, actor: Actor, thing: models.Model) -> Iterable[Offer]:
        """The steps that start where the thing is, each with this person's verdict."""
        for step in self.steps:
            if step.offered(thing):
                yield Offer(step, step.verdict(actor, thing), self.address(thing, "step", step.name))

    def step_view(self, request: HttpRequest, object_id: str, step_name: str) -> HttpResponse:
        """GET asks, POST acts. Nothing typed is lost when the action refuses."""
        step = next((step for step in self.steps if step.name == step_name), None)
        if step is None:
            raise Http404
        thing = self.existing(request, object_id)
        form = self.step_form(request, step, thing)
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, step, thing, form)
        act = partial(step.act, thing, actor=actor_of(request), **form.cleaned_data)
        tell = partial(self._tell, request, object_id, step, form)
        if step.outside:
            return Outside(act, tell)
        try:
            outcome = act()  # a transaction of its own; refused, it has rolled back and recorded the attempt
        except Problem as problem:
            return tell(problem)
        return tell(outcome)

    def _tell(self, request: HttpRequest, object_id: str, step: Step, form: Any, outcome: object) -> HttpResponse:
        if step.removes and not isinstance(outcome, Problem):
            self._done(request, step)
            return HttpResponseRedirect(self.list_address())
        thing = self.existing(request, object_id)
        if isinstance(outcome, Problem):
            refuse(form, outcome)
            form.data = self._seen_anew(step, thing, form)
            return self._ask(request, step, thing, form, outcome)
        return self.after_step(request, step, thing, outcome)

    def _seen_anew(self, step: Step, thing: Any, form: Any) -> Any:
        """What was typed, with the version the person is told of now: going on after that is their decision."""
        data = form.data.copy()
        hidden = {field.name for field in form.hidden_fields()}
        for name, value in self.step_initial(step, thing).items():
            if name in hidden:
                data[name] = value
        return data

    def step_form(self, request: HttpRequest, step: Step, thing: Any) -> forms.Form:
        data = request.POST if request.method == "POST" else None
        form = step.form(data, initial=self.step_initial(step, thing))
        form.thing = thing  # type: ignore[attr-defined]
        return form

    def step_initial(self, step: Step, thing: Any) -> dict[str, Any]:
        """First values of a step's form, the expected version among them."""
        return {}

    def after_step(self, request: HttpRequest, step: Step, thing: Any, outcome: object) -> HttpResponse:
        self._done(request, step)
        return HttpResponseRedirect(self.address(thing))

    def _done(self, request: HttpRequest, step: Step) -> None:
        self.message_user(request, _("Done: %(step)s. It is recorded.") % {"step": step.label}, messages.SUCCESS)

    def _ask(
        self, request: HttpRequest, step: Step, thing: Any, form: forms.Form, problem: Problem | None = None
    ) -> HttpResponse:
        """The step's page. One who may not is told so, and is not asked; the words they typed stay in view."""
        verdict = step.verdict(actor_of(request), thing)
        context = {
            **self.frame(request, thing),
            "title": step.label,
            "step": step,
            "step_url": self.address(thing, "step", step.name),
            "consequence": step.says(thing),
            "verdict": verdict,
            "offered": step.offered(thing),
            "form": form,
            "problem": problem,
        }
        status = problem.status if problem else 422 if form.is_bound else 200
        if not problem and not verdict.allowed:
            status = 403
        return TemplateResponse(request, "admin/step.html", context, status=status)


def refuse(form: Any, problem: Problem) -> None:
    """Put the sentence of a refusal on the form; errors that name a field of it go to that field."""
    told = False
    for error in problem.errors:
        field = str(error.get("field", "")).split(".")[0]
        message = str(error.get("message", problem.detail))
        if line := error.get("line"):
            message = _("Line %(line)s: %(message)s") % {"line": line, "message": message}
        form.add_error(field if field in form.fields else None, message)
        told = True
    if not told:
        form.add_error(None, problem.detail or problem.title)


def refusing(form_class: type[Any], problem: Problem) -> type[Any]:
    """The same form, whose validation ends with this refusal."""

    def clean(self: Any) -> Any:
        cleaned = form_class.clean(self)
        refuse(self, problem)
        return cleaned

    return type(form_class.__name__, (form_class,), {"clean": clean})
