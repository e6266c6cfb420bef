"""Every error code has a page, for people and for programs."""

import pytest

from scp_portal.kernel import problems

CODES = sorted(problems.catalogue())


@pytest.mark.req("B-8.1-1")
@pytest.mark.parametrize("code", CODES)
def test_a_code_has_a_page_that_says_what_it_means_and_what_to_do(client, code):
    kind = problems.catalogue()[code]
    page = client.get(f"/problems/{code}", headers={"accept": "text/html"}).content.decode()
    assert code in page
    assert str(kind.status) in page
    told = client.get(f"/problems/{code}", headers={"accept": "application/json"}).json()
    assert (told["meaning"], told["remedy"]) == (kind.meaning, kind.remedy)
    assert min(len(kind.meaning), len(kind.remedy)) > 15


def test_the_catalogue_lists_every_code(client):
    page = client.get("/problems/").content.decode()
    assert all(f"/problems/{code}" in page for code in CODES)


def test_an_unknown_code_is_not_found(client):
    assert client.get("/problems/no-such-code").status_code == 404


def test_the_pages_break_no_rule_of_the_content_security_policy(client):
    answer = client.get("/problems/")
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert b"<script" not in answer.content
    assert b"style=" not in answer.content
