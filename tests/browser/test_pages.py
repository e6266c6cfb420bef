"""Every page of the admin in a browser: nothing against the content policy, no barrier, no sideways scrolling."""

from __future__ import annotations

import pytest
from django.urls import reverse

from registry.models import User
from tests import make
from tests.browser.conftest import Visit


def world() -> tuple[make.Cast, dict[str, tuple[User, str]]]:
    """A country with an integration in each kind of state, and the pages to look at: name, by whom, where."""
    cast = make.cast("NZ")
    ways = ("draft", "requested", "reviewed", "active", "suspended")
    made = {status: make.integration(status, cast=cast, integration_name=f"The {status} one") for status in ways}

    def page(status: str, tab: str) -> str:
        return reverse("admin:registry_integration_change", args=[made[status].pk]) + f"?tab={tab}"

    def step(status: str, name: str) -> str:
        return reverse("admin:registry_integration_step", args=[made[status].pk, name])

    contract = made["active"].data_contract
    assert contract is not None
    lists = ("partner", "ratelimitpolicy", "vertical", "rolegrant", "rolemapping", "datacontract", "integration")
    pages = {
        "home": (cast.owner, "/admin/"),
        "reviews-mine": (cast.authority, "/admin/reviews/"),
        "reviews-others": (cast.admin, "/admin/reviews/?tab=others"),
        "reviews-decided": (cast.owner, "/admin/reviews/?tab=decided"),
        **{name: (cast.admin, reverse(f"admin:registry_{name}_changelist")) for name in lists},
        "overview": (cast.owner, page("reviewed", "overview")),
        "scope": (cast.authority, page("reviewed", "scope")),
        "preview": (cast.authority, page("reviewed", "preview")),
        "checks": (cast.admin, page("draft", "checks")),
        "history": (cast.auditor, page("suspended", "history")),
        "credentials": (cast.admin, page("active", "credentials")),
        "draft-form": (cast.admin, reverse("admin:registry_integration_edit", args=[made["draft"].pk])),
        "approve": (cast.authority, step("reviewed", "approve")),
        "suspend": (cast.authority, step("active", "suspend")),
        "contract": (cast.admin, reverse("admin:registry_datacontract_change", args=[contract.pk])),
        "contract-form": (cast.admin, reverse("admin:registry_datacontract_add")),
        "tenant": (cast.authority, reverse("admin:registry_tenant_change", args=["NZ"])),
        "tenant-form": (cast.authority, reverse("admin:registry_tenant_add")),
        "tenant-rules": (cast.admin, reverse("admin:registry_tenant_step", args=["NZ", "policy"])),
        "partner-page": (cast.authority, reverse("admin:registry_partner_change", args=[cast.partner.pk])),
        "partner-form": (cast.admin, reverse("admin:registry_partner_edit", args=[cast.partner.pk])),
        "partner-block": (cast.authority, reverse("admin:registry_partner_step", args=[cast.partner.pk, "block"])),
        "role-form": (cast.operator, reverse("admin:registry_rolegrant_add")),
        "people": (cast.root, reverse("admin:registry_user_changelist")),
        "consent": (cast.admin, reverse("admin:registry_person_changelist")),
        "audit": (cast.auditor, reverse("admin:audit_entry_changelist")),
    }
    return cast, pages


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_keeps_to_its_policy_and_has_no_barrier(visit: Visit, theme: str, language: str) -> None:
    _, pages = world()
    windows = {}
    found = {}
    for name, (person, path) in pages.items():
        if person.pk not in windows:
            windows[person.pk] = visit(person, theme=theme, language=language)
        visitor = windows[person.pk]
        visitor.open(path)
        visitor.picture(f"{name}-{theme}-{language}")
        if barriers := visitor.barriers():
            found[name] = barriers
    assert found == {}
    assert [complaint for visitor in windows.values() for complaint in visitor.complaints] == []


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_page_fits_a_narrow_screen(visit: Visit, language: str) -> None:
    _, pages = world()
    windows = {}
    wide = []
    for name, (person, path) in pages.items():
        if person.pk not in windows:
            windows[person.pk] = visit(person, language=language, width=320)
        visitor = windows[person.pk]
        visitor.open(path)
        visitor.picture(f"{name}-narrow-{language}")
        if visitor.too_wide():
            wide.append(name)
    assert wide == []


def test_the_main_decision_is_made_by_keyboard_alone(visit: Visit) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast, integration_name="By keyboard")
    visitor = visit(cast.owner)
    page = visitor.open(reverse("admin:registry_integration_step", args=[integration.pk, "accept"]))
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('main form button.primary')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    assert "Reviewed" in page.inner_text("main")


def test_the_portal_works_without_javascript(visit: Visit) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast)
    visitor = visit(cast.owner, java_script_enabled=False)
    page = visitor.page
    page.goto(visitor.address + reverse("admin:registry_integration_change", args=[integration.pk]))
    page.get_by_role("link", name="Accept for your vertical").click()
    page.locator("main form button.primary").click()
    page.wait_for_url("**/change/")
    assert "Reviewed" in page.inner_text("main")


def test_the_language_is_chosen_in_the_menu_and_turns_the_page(visit: Visit) -> None:
    visitor = visit(make.cast("NZ").admin)
    page = visitor.open("/admin/")
    page.locator("[popovertarget=person-menu]").click()
    page.get_by_role("button", name="العربية").click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("dir") == "rtl"
