"""Makes the two person-level verticals, health and education, whose records are partly about the same people."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from exchange.community.datasets import Definition, field
from scp_portal.demo.community import Made

HEALTH, EDUCATION = "health", "education"
IMMUNISATIONS, ENROLMENTS = "immunisations", "enrolments"
AS_OF: Final = date(2026, 10, 1)
"""The day on which the demo's doses are due or overdue."""
GIVEN_NAMES: Final = (
    "Aria", "Hemi", "Mere", "Tane", "Olivia", "Noah", "Isla", "Liam", "Ngaire", "Rangi", "Sione", "Lani", "Ruby",
    "Theo", "Mia", "Kauri", "Amelia", "Leo", "Tui", "Manaia", "Jasmine", "Arjun", "Mei", "Yusuf", "Anahera", "Finn",
)  # fmt: skip
VACCINES: Final = (
    ("ROTA", 42),
    ("DTAP-IPV", 42),
    ("PCV", 90),
    ("MMR", 365),
    ("VAR", 456),
    ("TDAP", 4018),
    ("HPV", 4018),
)
"""Code and the age in days at which the first dose is due."""
PROGRAMMES: Final = ("general", "bilingual", "arts", "sport", "science")
CENTRE: Final = (-41.29, 174.78)

DEFINITIONS: Final[dict[str, Definition]] = {
    IMMUNISATIONS: {
        "vertical_id": HEALTH,
        "title": "Immunisations",
        "description": "Doses given and doses due, one row per person and dose.",
        "person_free": False,
        "fields": {
            "dose_id": field("Dose", "identifier"),
            "person_ref": field("Person", "identifier"),
            "given_name": field("Given name", "personal"),
            "birth_date": field("Born", "personal"),
            "home_location": field("Home", "location", "object"),
            "vaccine_code": field("Vaccine", "health"),
            "dose_number": field("Dose number", "health", "integer"),
            "given_on": field("Given on", "health"),
            "due_on": field("Due on", "health"),
            "overdue_days": field("Days overdue", "health", "integer"),
        },
    },
    ENROLMENTS: {
        "vertical_id": EDUCATION,
        "title": "Enrolments",
        "description": "Who goes to which level of school, one row per person and year.",
        "person_free": False,
        "fields": {
            "enrolment_id": field("Enrolment", "identifier"),
            "person_ref": field("Person", "identifier"),
            "given_name": field("Given name", "personal"),
            "birth_date": field("Born", "personal"),
            "school_year": field("School year", "education", "integer"),
            "programme": field("Programme", "education"),
            "started_on": field("Started", "education"),
            "attendance_percent": field("Attendance", "education", "integer"),
            "learning_support": field("Learning support", "sensitive", "boolean"),
        },
    },
}


@dataclass(frozen=True, slots=True)
class Child:
    reference: str
    given_name: str
    born: date
    home: dict[str, float]

    @property
    def age(self) -> int:
        return (AS_OF - self.born).days // 365


def children(chance: random.Random, references: list[str]) -> list[Child]:
    """The youngest of the community: those of whom health and education hold records."""
    return [
        Child(
            reference,
            chance.choice(GIVEN_NAMES),
            AS_OF - timedelta(days=chance.randint(30, 17 * 365)),
            {"lat": round(CENTRE[0] + chance.gauss(0, 0.08), 5), "lon": round(CENTRE[1] + chance.gauss(0, 0.08), 5)},
        )
        for reference in references
    ]


def immunisations(chance: random.Random, young: list[Child]) -> Iterator[Made]:
    """Doses of the vaccines that a child's age calls for. Those given at school touch education as well."""
    for child in young:
        for code, due_at in VACCINES:
            due = child.born + timedelta(days=due_at)
            if due < AS_OF:
                yield _dose(chance, child, code, due)


def _dose(chance: random.Random, child: Child, code: str, due: date) -> Made:
    given = due + timedelta(days=chance.randint(0, 60)) if chance.random() < 0.8 else None
    at_school = code in {"TDAP", "HPV"}
    key = f"{child.reference}/{code.lower()}"
    payload = {
        "dose_id": key,
        "person_ref": child.reference,
        "given_name": child.given_name,
        "birth_date": child.born.isoformat(),
        "home_location": child.home,
        "vaccine_code": code,
        "dose_number": 1,
        "given_on": given.isoformat() if given else None,
        "due_on": due.isoformat(),
        "overdue_days": 0 if given else (AS_OF - due).days,
    }
    verticals = (EDUCATION, HEALTH) if at_school else (HEALTH,)
    return Made(IMMUNISATIONS, key, child.reference, verticals, payload)


def enrolments(chance: random.Random, young: list[Child]) -> Iterator[Made]:
    for child in young:
        if child.age >= 5:
            yield _enrolment(chance, child)


def _enrolment(chance: random.Random, child: Child) -> Made:
    key = f"{child.reference}/{AS_OF.year}"
    payload = {
        "enrolment_id": key,
        "person_ref": child.reference,
        "given_name": child.given_name,
        "birth_date": child.born.isoformat(),
        "school_year": child.age - 4,
        "programme": chance.choice(PROGRAMMES),
        "started_on": f"{AS_OF.year}-02-02",
        "attendance_percent": min(100, round(chance.gauss(91, 6))),
        "learning_support": chance.random() < 0.15,
    }
    return Made(ENROLMENTS, key, child.reference, (EDUCATION,), payload)
