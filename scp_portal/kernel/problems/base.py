"""The shape of a problem; the codes are in `codes`, foreign exceptions are translated in `mapping`."""

from typing import Any, ClassVar, Literal

Category = Literal["client", "server", "policy", "consent"]
FieldError = dict[str, Any]
"""One entry of `errors`: {"field": dotted path, "code": machine-readable, "message": sentence}."""


class Problem(Exception):
    """A refusal or failure with a stable `code`, a status, and a sentence for people.

    `detail` and `extra` are sent; `internal` is for the audit trail only. `incident` asks for an incident entry
    instead of a plain denial (B-10-5). `meaning` and `remedy` fill the page `/problems/{code}`.
    """

    code: ClassVar[str] = ""
    status: ClassVar[int] = 500
    title: ClassVar[str] = ""
    meaning: ClassVar[str] = ""
    remedy: ClassVar[str] = ""
    category: ClassVar[Category] = "server"
    retryable: ClassVar[bool] = False
    default_headers: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        detail: str = "",
        *,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
        incident: bool = False,
        internal: str = "",
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.meaning)
        self.detail = detail or self.meaning
        self.errors = errors or []
        self.headers = {**self.default_headers, **(headers or {})}
        self.incident = incident
        self.internal = internal
        self.extra = extra


def as_document(problem: Problem, *, instance: str, request_id: str) -> dict[str, Any]:
    """The RFC 9457 document. Extension members given to the problem never replace the standard ones."""
    return {
        **problem.extra,
        "type": f"/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "category": problem.category,
        "source": "scp",
        "trace_id": request_id.replace("-", ""),
        "request_id": request_id,
        "retryable": problem.retryable,
        "errors": problem.errors,
    }


def catalogue() -> dict[str, type[Problem]]:
    """Every problem the portal may answer with, by code. A subclass without a code of its own is no new problem."""
    found: dict[str, type[Problem]] = {}
    waiting = list(Problem.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in vars(kind) and found.setdefault(kind.code, kind) is not kind:
            raise TypeError(f"two problems share the code {kind.code!r}")
    return dict(sorted(found.items()))
