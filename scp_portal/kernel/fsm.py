"""Typed transitions over django-fsm: one table of rows makes the methods, and the state moves by nothing else.

Of django-fsm only the graph is used. Its admin mixin runs transitions whose permission says no, its `permission=`
is asked by nobody else, and the `refresh_from_db` of its model mixins leaves the field unprotected for the whole
process after one refresh of a row that is gone; `StateGuard` stands in for them. What holds against
`update()` and SQL is the database's own trigger, made from the same table.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from django.db import models
from django_fsm import ConcurrentTransition, TransitionNotAllowed, transition

from scp_portal.kernel.problems import Conflict, IllegalTransition

Model = TypeVar("Model", bound=type)
PREFIX = "_fsm_"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of a table: the step `name` leads from `source` (None: there is none before) to `target`."""

    name: str
    source: str | None
    target: str


def made_from(rows: Iterable[Transition], *, field: str) -> Callable[[Model], Model]:
    """Class decorator: gives the class a django-fsm method for each name in the table, for `apply` to call.

    A method moves the state and stamps fields; it saves nothing, sends nothing, asks nobody.
    """
    by_name: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.source is not None and by_name.setdefault(row.name, {}).setdefault(row.source, row.target) != row.target:
            raise ValueError(f"the step {row.name} leads from {row.source} to two states")

    def decorate(model: Model) -> Model:
        for name, targets in by_name.items():
            setattr(model, PREFIX + name, _method(model, name, targets, field))
        return model

    return decorate


def _method(model: type, name: str, targets: dict[str, str], field: str) -> Callable[..., None]:
    def step(self: Any, **stamps: Any) -> None:
        for attribute, value in stamps.items():
            setattr(self, attribute, value)

    step.__name__ = PREFIX + name
    step.__qualname__ = f"{model.__qualname__}.{step.__name__}"
    made: Callable[..., None] = step
    for source, target in targets.items():
        made = transition(field=field, source=source, target=target)(made)
    return made


def apply(instance: models.Model, name: str, **stamps: Any) -> None:
    """Make a step and stamp fields, without saving. Raises IllegalTransition where the state has no such step."""
    method = getattr(instance, PREFIX + name, None)
    if method is None:
        raise IllegalTransition(f"There is no step “{name}” here.")
    with conflicts():
        method(**stamps)


@contextmanager
def conflicts() -> Iterator[None]:
    """django-fsm's refusals as problems: a step the state does not have, and a race lost to someone else."""
    try:
        yield
    except TransitionNotAllowed as refusal:
        raise IllegalTransition(internal=str(refusal)) from refusal
    except ConcurrentTransition as race:
        raise Conflict(internal=str(race)) from race


class StateGuard(models.Model):
    """Mixed into a model with a protected FSMField: optimistic lock on the state, and a refresh that stays safe.

    A save of a row whose stored state has meanwhile moved raises Conflict.
    """

    state_field: ClassVar[str] = "status"
    _stored_state: Any = None
    _reloading: bool = False

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        self._remember_state()

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Any:
        loaded = super().from_db(*args, **kwargs)
        loaded._remember_state()
        return loaded

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Takes the value out first, so that the protected field is set as if for the first time."""
        kept = self.__dict__.get(self.state_field)
        if fields is None or self.state_field in fields:
            self._reloading = self.__dict__.pop(self.state_field, None) is not None
        try:
            super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        except self.DoesNotExist:
            self.__dict__[self.state_field] = kept
            raise
        finally:
            self._reloading = False
        self._remember_state()

    def get_deferred_fields(self) -> set[str]:
        """A state that was taken out in order to be reloaded is not one that was never loaded."""
        deferred: set[str] = super().get_deferred_fields()
        return deferred - {self.state_field} if self._reloading else deferred

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, *args: Any, **kwargs: Any) -> Any:
        stored = self._stored_state
        narrowed = base_qs if stored is None else base_qs.filter(**{self.state_field: stored})
        updated = super()._do_update(narrowed, using, pk_val, *args, **kwargs)
        if not updated and base_qs.filter(pk=pk_val).using(using).exists():
            raise Conflict(internal="the state moved meanwhile")
        return updated

    def _remember_state(self) -> None:
        self._stored_state = self.__dict__.get(self.state_field)
