"""The port to the audit trail, which lies above the kernel: the audit app puts its recorder in when it starts."""

from typing import Protocol
from uuid import UUID

from django.http import HttpRequest

from scp_portal.kernel.problems import AuditUnavailable, Problem


class Receipt(Protocol):
    """Proof that an entry was written."""

    @property
    def entry_id(self) -> UUID: ...

    @property
    def leaf_hash(self) -> bytes: ...


class Recorder(Protocol):
    def refusal(self, problem: Problem, request: HttpRequest) -> Receipt:
        """Write the one entry of a request that was denied or failed, on its own connection.

        Raises AuditUnavailable when it is not safely written.
        """
        ...


_recorder: Recorder | None = None


def use_recorder(recorder: Recorder) -> None:
    global _recorder
    _recorder = recorder


def record_refusal(problem: Problem, request: HttpRequest) -> Problem:
    """The problem to answer with: the given one once it is recorded, AuditUnavailable when it could not be."""
    if _recorder is None:
        return AuditUnavailable(internal="no recorder")
    try:
        _recorder.refusal(problem, request)
    except AuditUnavailable as unavailable:
        return unavailable
    return problem
