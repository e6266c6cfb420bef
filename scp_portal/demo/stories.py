"""What happened to the demo's integrations: who did what, in order. Each step is a real action by a real role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from registry.lifecycle import ReasonCode

DPV: Final = "https://w3id.org/dpv#"
SHOWN: Final = "Open conversations for research"
"""The integration whose machine client the welcome text shows."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action of one person. `sunset_days` and `successor` are for the deprecation."""

    verb: str
    who: str
    says: dict[str, str] = field(default_factory=dict)
    sunset_days: int = 0
    successor: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One integration: its first author, its content, its steps after creation."""

    tenant_id: str
    name: str
    author: str
    partner: str
    steps: tuple[Step, ...] = ()
    contract: str = ""
    verticals: tuple[str, ...] = ("community",)
    rate: str = "Standard"
    fields: dict[str, Any] = field(default_factory=dict)


def _answers(purpose: str, reference: str, days: int = 90, basis: str = "Consent", **more: Any) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "legal_basis": DPV + basis,
        "legal_basis_reference": reference,
        "retention_days": days,
        "transfers": "none",
        **more,
    }


HIGH_RISK: Final[dict[str, Any]] = {
    "mtls_required": True,
    "certificate_thumbprint": "3f0c5a5e4d2b1a09" * 4,
    "ip_allowlist": ["203.0.113.0/28", "2001:db8:12::/48"],
}
NZ_RESEARCH: Final = _answers(
    "See what communities agree on about water, gardens and streets, and publish it for them.",
    "Notice to the community, version 2026-03",
)
GRACE, AROHA, WIREMU, MELE, AMARA, HENRIK, PRIYA = (
    "grace.whitfield",
    "aroha.ngata",
    "wiremu.parata",
    "mele.tupou",
    "amara.okonkwo",
    "henrik.lindqvist",
    "priya.raman",
)
SUBMITTED: Final = Step("submit", GRACE)
TO_ACTIVE: Final = (SUBMITTED, Step("accept", AROHA), Step("approve", AMARA), Step("activate", GRACE))


def _says(reason: str, code: str = "") -> dict[str, str]:
    return {"reason": reason, "reason_code": code} if code else {"reason": reason}


STORIES: Final = (
    Story(
        "NZ",
        SHOWN,
        GRACE,
        "Harbour Research Trust",
        (
            Step("submit", GRACE, {"note": "The trust has worked with us for two years."}),
            Step("accept", AROHA, {"note": "Scope and masks are what the community was told."}),
            Step("approve", AMARA, {"conditions": "Findings are published openly within a year."}),
            Step("activate", GRACE),
        ),
        "nz-open-conversation",
        fields=NZ_RESEARCH,
    ),
    Story(
        "NZ",
        "Overdue doses follow-up",
        GRACE,
        "Ministry of Community Wellbeing",
        (
            Step("submit", GRACE),
            Step("accept", WIREMU, {"note": "Age bands and first letters only: enough for a call."}),
            Step("approve", AMARA, {"note": "First of two approvals."}),
        ),
        "nz-overdue-doses",
        ("health",),
        fields=_answers(
            "Call families whose child has a dose that is overdue by two weeks or more.",
            "Health follow-up order, section 4",
            basis="PublicInterest",
            dpia_link="https://wellbeing.example/assessments/DPIA-2026-014",
            **HIGH_RISK,
        ),
    ),
    Story(
        "NZ",
        "Starting school",
        GRACE,
        "Ministry of Community Wellbeing",
        (SUBMITTED, Step("accept", MELE, {"note": "Fine for education; health has to look at the doses."})),
        "nz-starting-school",
        ("education", "health"),
        fields=_answers(
            "See that children who start school have the doses they need, and a place.",
            "Notices of health and education, version 2026-03",
            60,
            dpia_link="https://wellbeing.example/assessments/DPIA-2026-021",
            **HIGH_RISK,
        ),
    ),
    Story(
        "NZ",
        "School places planning",
        GRACE,
        "Ministry of Community Wellbeing",
        (SUBMITTED, Step("accept", MELE), Step("approve", HENRIK, {"conditions": "Reviewed again after one year."})),
        "nz-school-places",
        ("education",),
        fields=_answers(
            "Plan classes and school buses for the coming year.",
            "School planning order, section 2",
            180,
            basis="PublicInterest",
        ),
    ),
    Story(
        "NZ",
        "Library newsletter",
        PRIYA,
        "Harbour Research Trust",
        fields={"purpose": "Quote a few posts about the library in its newsletter."},
    ),
    Story(
        "NZ",
        "Harbour dashboard",
        GRACE,
        "Harbour Research Trust",
        (
            *TO_ACTIVE,
            Step(
                "restrict",
                AROHA,
                _says("The dashboard showed groups of fewer than ten people.", ReasonCode.VIOLATION),
            ),
        ),
        "nz-open-conversation",
        rate="Gentle",
        fields=NZ_RESEARCH,
    ),
    Story(
        "NZ",
        "Events mirror",
        GRACE,
        "Kererū Media",
        (
            *TO_ACTIVE,
            Step(
                "suspend",
                AMARA,
                _says("The partner's client secret was found in a public repository.", ReasonCode.SECURITY),
            ),
        ),
        "nz-open-conversation",
        fields=_answers("Show upcoming events next to local news.", "Notice to the community, version 2026-03"),
    ),
    Story(
        "NZ",
        "Audience insights",
        GRACE,
        "Kererū Media",
        (
            SUBMITTED,
            Step("accept", AROHA, {"note": "Within the masks, but please look at the purpose."}),
            Step(
                "reject",
                HENRIK,
                _says("Sorting readers by opinion is not what people were told.", ReasonCode.EXCESSIVE_DATA),
            ),
        ),
        "nz-open-conversation",
        fields=_answers("Sort readers by what they agree with.", "Notice to the community, version 2026-03"),
    ),
    Story(
        "NZ",
        "Conversation archive, first edition",
        GRACE,
        "Harbour Research Trust",
        (
            *TO_ACTIVE,
            Step(
                "deprecate",
                GRACE,
                _says("Replaced by the research feed, which has the same data."),
                sunset_days=60,
                successor=SHOWN,
            ),
        ),
        "nz-open-conversation",
        fields=NZ_RESEARCH,
    ),
    Story(
        "NZ",
        "Town hall minutes",
        GRACE,
        "Harbour Research Trust",
        (Step("cancel", GRACE, _says("The minutes are public already; no integration is needed.")),),
        fields={"purpose": "Send the minutes of the town hall to the trust."},
    ),
    Story(
        "CA",
        "Conversations ouvertes",
        "nadia.bouchard",
        "Observatoire des villes",
        (
            Step("submit", "nadia.bouchard"),
            Step("accept", "emile.tremblay", {"note": "Conforme à l’avis."}),
            Step("approve", HENRIK),
            Step("activate", "nadia.bouchard"),
        ),
        "ca-conversation-ouverte",
        fields=_answers("Comprendre ce sur quoi la ville s’entend.", "Avis à la communauté, version 2026-03"),
    ),
    Story(
        "CA",
        "Baromètre des transports",
        "nadia.bouchard",
        "Régie des transports",
        (Step("submit", "nadia.bouchard"),),
        "ca-conversation-ouverte",
        fields=_answers("Écouter ce que les usagers disent des lignes.", "Avis à la communauté, version 2026-03", 60),
    ),
    Story(
        "TW",
        "開放對話研究",
        "chen.chih-ming",
        "開放對話研究室",
        (
            Step("submit", "chen.chih-ming"),
            Step("accept", "lin.ya-ting", {"note": "與告知書一致。"}),
            Step("approve", AMARA),
            Step("activate", "chen.chih-ming"),
        ),
        "tw-open-dialogue",
        fields=_answers("了解社區對夜市、步道與防颱的共識。", "社區告知書 2026-03 版"),
    ),
    Story(
        "TW",
        "交通意見彙整",
        "chen.chih-ming",
        "交通服務局",
        (Step("submit", "chen.chih-ming"), Step("accept", "lin.ya-ting")),
        "tw-open-dialogue",
        fields=_answers("彙整民眾對步道與交通的意見。", "社區告知書 2026-03 版", 60),
    ),
    Story(
        "EG",
        "حوارات مفتوحة",
        "youssef.mansour",
        "مرصد الأحياء",
        (
            Step("submit", "youssef.mansour"),
            Step("accept", "layla.hassan", {"note": "مطابق للإشعار."}),
            Step("approve", HENRIK),
        ),
        "eg-open-dialogue",
        fields=_answers("فهم ما يتفق عليه أهل الأحياء.", "إشعار المجتمع، إصدار 2026-03"),
    ),
    Story(
        "EG",
        "متابعة شكاوى المياه",
        "youssef.mansour",
        "هيئة المياه",
        (
            Step("submit", "youssef.mansour"),
            Step("return_for_changes", "layla.hassan", _says("نرجو توضيح مدة الاحتفاظ بالبيانات وسببها.")),
        ),
        "eg-open-dialogue",
        fields=_answers("متابعة ما يقوله الناس عن المياه.", "إشعار المجتمع، إصدار 2026-03"),
    ),
)
