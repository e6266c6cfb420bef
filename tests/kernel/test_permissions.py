"""Verdicts and what becomes of a no."""

import pytest

from scp_portal.kernel.permissions import ALLOWED, Verdict, require
from scp_portal.kernel.problems import PermissionRefused, SodViolation, as_document


def test_a_yes_passes() -> None:
    require(ALLOWED)
    assert ALLOWED


@pytest.mark.parametrize(("sod", "problem"), [(False, PermissionRefused), (True, SodViolation)])
def test_a_no_says_why_and_who_may(sod: bool, problem: type[Exception]) -> None:
    verdict = Verdict.no("You requested it.", "Another umbrella authority.", sod=sod)
    assert not verdict
    with pytest.raises(problem) as caught:
        require(verdict)
    document = as_document(caught.value, instance="/x", request_id="r")  # type: ignore[arg-type]
    assert (document["detail"], document["who_can"]) == ("You requested it.", "Another umbrella authority.")
