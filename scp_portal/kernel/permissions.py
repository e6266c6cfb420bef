"""A permission is a predicate that answers with its reason and with who could act instead."""

from dataclasses import dataclass
from typing import Any, Final

from scp_portal.kernel.problems import PermissionRefused, SodViolation


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why` is a sentence for people; `who_can` names the roles or persons who may; `sod` marks a refusal that rests
    on the separation of duties and not on a missing role."""

    allowed: bool
    why: str = ""
    who_can: str = ""
    sod: bool = False

    def __bool__(self) -> bool:
        return self.allowed

    @classmethod
    def no(cls, why: str, who_can: str = "", *, sod: bool = False) -> "Verdict":
        return cls(allowed=False, why=why, who_can=who_can, sod=sod)


ALLOWED: Final = Verdict(allowed=True)


def require(verdict: Verdict) -> None:
    """Raises SodViolation or PermissionRefused with the verdict's reason; the answer also says who may."""
    if verdict.allowed:
        return
    refusal = SodViolation if verdict.sod else PermissionRefused
    extra: dict[str, Any] = {"who_can": verdict.who_can} if verdict.who_can else {}
    raise refusal(verdict.why, **extra)
