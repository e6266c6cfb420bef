"""The two probes."""

import pytest


def test_livez_answers_without_a_database(client):
    assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.django_db
def test_readyz_names_what_it_looked_at_and_nothing_else(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.content
    parts = {"database": True, "migrations": True, "trail": True, "broker": True}
    assert answer.json() == {"status": "ok", "checks": parts}


@pytest.mark.django_db
@pytest.mark.req("B-9-1")
def test_readyz_says_when_the_trail_runs_out_of_months(client, monkeypatch):
    """Where the clock has not run for weeks: soon no entry could be written, and nothing may leave without one."""
    monkeypatch.setattr("scp_portal.health.FEWEST_MONTHS", 100)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["trail"]) == (503, False)


@pytest.mark.django_db
@pytest.mark.req("A-2-1")
def test_readyz_says_within_seconds_that_the_broker_is_away(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["broker"]) == (503, False)
