"""The four tenants of the demo: who they are, what they ask of integrations, and what they tell their people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from exchange.community.datasets import COMMENTS, POSTS, SUB_COMMUNITIES, VERTICAL
from registry.policy.rules import CLEAR_EVERY_CLASS
from scp_portal.demo.contracts import PSEUDONYM
from scp_portal.demo.sentences import ARABIC, CHINESE, ENGLISH, FRENCH, Voice
from scp_portal.demo.services import EDUCATION, ENROLMENTS, HEALTH, IMMUNISATIONS

VERTICALS: Final = {VERTICAL: "Community", HEALTH: "Health", EDUCATION: "Education"}
OLDER_NOTICE: Final = "2025-06"
"""A version below what the contracts ask: consent that refers to it opens nothing."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told about one vertical, in one language."""

    vertical: str
    language: str
    text: str
    withdrawal: str
    retention: str


@dataclass(frozen=True, slots=True)
class Country:
    """One tenant, its partner (`partner` is the one that has a user in the demo, where there is one)."""

    code: str
    name: str
    language: str
    time_zone: str
    voice: Voice
    persons: int
    posts: int
    comments: int
    admin: str
    owners: dict[str, str]
    controller: str
    policy: dict[str, Any]
    partners: tuple[tuple[str, str, str], ...]
    """Name, type and mail domain; the first is the one whose people sign in."""
    notices: tuple[Notice, ...]


def _tenant_policy(**classes: dict[str, Any]) -> dict[str, Any]:
    """A class that is not named leaves nobody's data: contact data never cross the boundary in the demo."""
    named = {name: mask for name, mask in CLEAR_EVERY_CLASS.items() if name != "contact"}
    return {
        "classes": named | {"identifier": PSEUDONYM, "location": {"fn": "geo", "decimals": 1}} | classes,
        "minCell": 10,
        "roundTo": 5,
        "pageSize": 200,
        "ratePerMinute": 600,
        "retentionDays": 365,
    }


AGE: Final = {"fn": "band", "unit": "years", "edges": [0, 1, 5, 12, 18]}
OMIT: Final = {"fn": "omit"}

VERTICAL_POLICIES: Final[dict[str, dict[str, Any]]] = {
    VERTICAL: {
        "classes": CLEAR_EVERY_CLASS,
        "datasets": {
            SUB_COMMUNITIES: {"permitted": True},
            POSTS: {
                "permitted": True,
                "fields": {"written_at": {"fn": "date", "unit": "day"}},
                "rowFilter": {"moderation": {"in": ["accepted", "open"]}},
            },
            COMMENTS: {"permitted": True, "fields": {"body": OMIT, "written_at": {"fn": "date", "unit": "month"}}},
        },
    },
    HEALTH: {
        "classes": CLEAR_EVERY_CLASS,
        "minCell": 10,
        "datasets": {
            IMMUNISATIONS: {
                "permitted": True,
                "fields": {"given_name": {"fn": "partial", "keepStart": 1}, "birth_date": AGE},
            },
            ENROLMENTS: {"permitted": True, "fields": {"attendance_percent": {"fn": "round", "base": 10}}},
        },
    },
    EDUCATION: {
        "classes": CLEAR_EVERY_CLASS,
        "minCell": 10,
        "datasets": {
            ENROLMENTS: {"permitted": True, "fields": {"learning_support": OMIT}},
            IMMUNISATIONS: {
                "permitted": True,
                "fields": {
                    "given_name": OMIT,
                    "home_location": OMIT,
                    "birth_date": {"fn": "band", "unit": "years", "edges": [5, 12, 18]},
                },
            },
        },
    },
}
"""What each owner permits. Where two verticals meet, as for a dose given at school, the stricter mask of each holds."""

NEW_ZEALAND: Final = Country(
    code="NZ",
    name="New Zealand",
    language="en",
    time_zone="Pacific/Auckland",
    voice=ENGLISH,
    persons=400,
    posts=320,
    comments=1100,
    admin="grace.whitfield",
    owners={VERTICAL: "aroha.ngata", HEALTH: "wiremu.parata", EDUCATION: "mele.tupou"},
    controller="Smart Community Aotearoa (demo)",
    policy=_tenant_policy(),
    partners=(
        ("Harbour Research Trust", "ngo", "harbour-trust.example"),
        ("Ministry of Community Wellbeing", "government", "wellbeing.example"),
        ("Kererū Media", "private", "kereru-media.example"),
    ),
    notices=(
        Notice(
            VERTICAL,
            "en",
            "What you write in the community may be read by research partners, without your name. "
            "Each partner sees you under another made-up word, so that two partners cannot compare notes.",
            "Open your profile and choose “Stop sharing”. It takes effect at once.",
            "90 days at the partner",
        ),
        Notice(
            HEALTH,
            "en",
            "Doses that are due may be told to the health team of your district, so that they can call you. "
            "They see your age group and the first letter of your name.",
            "Open your profile, or tell any nurse. It takes effect at once.",
            "90 days at the partner",
        ),
        Notice(
            EDUCATION,
            "en",
            "Your school year and attendance may be used to plan classes and school buses.",
            "Open your profile, or tell the school office. It takes effect at once.",
            "180 days at the partner",
        ),
    ),
)
CANADA: Final = Country(
    code="CA",
    name="Canada",
    language="fr",
    time_zone="America/Toronto",
    voice=FRENCH,
    persons=200,
    posts=220,
    comments=800,
    admin="nadia.bouchard",
    owners={VERTICAL: "emile.tremblay"},
    controller="Communauté intelligente du Canada (démo)",
    policy=_tenant_policy(personal={"fn": "date", "unit": "month"}),
    partners=(
        ("Observatoire des villes", "ngo", "observatoire.example"),
        ("Régie des transports", "government", "regie.example"),
    ),
    notices=(
        Notice(
            VERTICAL,
            "fr",
            "Ce que vous écrivez peut être lu par des partenaires de recherche, sans votre nom.",
            "Ouvrez votre profil et choisissez « Ne plus partager ». L’effet est immédiat.",
            "90 jours chez le partenaire",
        ),
        Notice(
            VERTICAL,
            "en",
            "What you write may be read by research partners, without your name.",
            "Open your profile and choose “Stop sharing”. It takes effect at once.",
            "90 days at the partner",
        ),
    ),
)
TAIWAN: Final = Country(
    code="TW",
    name="Taiwan",
    language="zh-hant",
    time_zone="Asia/Taipei",
    voice=CHINESE,
    persons=200,
    posts=220,
    comments=800,
    admin="chen.chih-ming",
    owners={VERTICAL: "lin.ya-ting"},
    controller="智慧社區平台（示範）",
    policy=_tenant_policy(),
    partners=(("開放對話研究室", "ngo", "dialogue-lab.example"), ("交通服務局", "government", "transit.example")),
    notices=(
        Notice(
            VERTICAL,
            "zh-hant",
            "您在社區中寫的內容可能由研究夥伴閱讀，但不會顯示您的姓名。",
            "開啟個人檔案，選擇「停止分享」，立即生效。",
            "夥伴保存九十天",
        ),
    ),
)
EGYPT: Final = Country(
    code="EG",
    name="Egypt",
    language="ar",
    time_zone="Africa/Cairo",
    voice=ARABIC,
    persons=200,
    posts=220,
    comments=800,
    admin="youssef.mansour",
    owners={VERTICAL: "layla.hassan"},
    controller="منصة المجتمع الذكي (عرض)",
    policy=_tenant_policy(sensitive={"fn": "redact"}),
    partners=(("مرصد الأحياء", "ngo", "observatory.example"), ("هيئة المياه", "government", "water.example")),
    notices=(
        Notice(
            VERTICAL,
            "ar",
            "قد يقرأ شركاء البحث ما تكتبه في المجتمع، دون اسمك.",
            "افتح ملفك واختر «إيقاف المشاركة». يسري ذلك فوراً.",
            "تسعون يوماً لدى الشريك",
        ),
    ),
)
COUNTRIES: Final = (NEW_ZEALAND, CANADA, TAIWAN, EGYPT)

RATES: Final = (("Standard", 20, 120, 20_000), ("Gentle", 5, 30, 5_000), ("Generous", 50, 600, 100_000))
"""Name, requests in one second, per minute, per day."""
