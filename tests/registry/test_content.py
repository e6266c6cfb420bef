from datetime import timedelta

import pytest
from django.utils import timezone

from registry import content
from registry.models import Risk
from tests import make

pytestmark = pytest.mark.django_db


def field(name, category, fn="clear"):
    return {
        "name": name,
        "logicalType": "string",
        "classification": category,
        "customProperties": [{"property": "scpMask", "value": {"fn": fn}}],
    }


def contract_with(*fields, rating=None, person_free=False):
    dataset = make.dataset_document("records", "health", person_free=person_free)
    dataset["properties"] += fields
    document = make.contract_document(datasets=[dataset])
    if rating:
        document["customProperties"].append({"property": "scpRisk", "value": {"rating": rating}})
    make.tenant()
    return make.contract(document=document)


def risk(contract, **fields):
    integration = make.integration(data_contract=contract, **fields)
    with make.seen():
        return content.rating(integration)


def test_nothing_about_persons_is_low():
    assert risk(contract_with(person_free=True)) == (Risk.LOW, [])


def test_records_about_persons_are_medium():
    assert risk(contract_with()) == (Risk.MEDIUM, ["Records are about persons."])


def test_what_goes_on_to_others_is_medium():
    found, why = risk(contract_with(person_free=True), transfers="A laboratory in another country.")
    assert (found, why) == (Risk.MEDIUM, ["The data go on to others."])


def test_who_and_what_together_in_clear_is_high():
    found, why = risk(contract_with(field("surname", "personal"), field("diagnosis", "health")))
    assert found == Risk.HIGH
    assert "records" in why[0]


def test_the_same_behind_a_mask_is_not():
    found, _ = risk(contract_with(field("surname", "personal", "redact"), field("diagnosis", "health")))
    assert found == Risk.MEDIUM


def test_a_name_in_clear_to_a_company_is_high():
    cast = make.cast()
    with make.seen():
        cast.partner.partner_type = "private"
        cast.partner.save()
    found, _ = risk(contract_with(field("surname", "personal")), cast=cast)
    assert found == Risk.HIGH


def test_a_contracts_own_rating_is_a_floor():
    assert risk(contract_with(person_free=True, rating="high"))[0] == Risk.HIGH
    assert risk(contract_with(person_free=True, rating="medium"))[0] == Risk.MEDIUM
    assert risk(contract_with(rating="low"))[0] == Risk.MEDIUM


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "Something else."},
        {"vertical_ids": ["health", "education"]},
        {"active_until": timezone.now() + timedelta(days=9)},
        {"retention_days": 91},
        {"transfers": "Elsewhere."},
        {"mtls_required": True},
    ],
)
def test_whatever_a_reviewer_agrees_to_is_in_the_hash(change):
    integration = make.integration()
    with make.seen():
        before = content.content_hash(integration)
        assert content.content_hash(integration) == before
        for name, value in change.items():
            setattr(integration, name, value)
        assert content.content_hash(integration) != before
