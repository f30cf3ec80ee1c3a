"""The compliance page: what an auditor looks for is there, for every promise and day, and in the document alike."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.publish.pages import compliance
from cetegra_usage.publish.pages.calendar import calendar
from support import released

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.view import ReleaseView

WORDS = {
    "met": "Met",
    "not_met": "Not met",
    "not_checked": "Not checked",
    "not_applicable": "Not applicable",
    "needs_decision": "Needs a decision",
}


@pytest.fixture(scope="module")
def page(month: ReleaseView) -> str:
    return compliance.render(month.evidence, month)


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def _row(page: str, promise: str) -> str:
    found = re.search(rf'<tr id="promise\.{promise}">.*?</tr>', page, re.DOTALL)
    assert found, promise
    return _text(found[0])


def test_services_of_one_title_keep_their_own_days() -> None:
    view = released.release("2026-04", titles={"docs": "Portal", "workspace": "Portal"})
    partitions = [
        {"id": f"events/{service}/2026-04-01", "service": service, "day": "2026-04-01", "state": state}
        for service, state in (("docs", "quarantined"), ("workspace", "accepted"))
    ]
    groups = calendar(partitions, view)
    assert [(group.title, group.fields[0].state) for group in groups] == [
        ("Portal", "quarantined"),
        ("Portal", "accepted"),
    ]


def test_every_promise_has_a_row_with_its_status(page: str, month: ReleaseView) -> None:
    for promise in month.evidence["promises"]:
        row = _row(page, promise["id"])
        assert promise["promise"] in row
        assert re.search(rf"[^\w\s] {WORDS[promise['status']]}\b", row)
        if promise["expectations"]:
            assert f"{promise['partitions_checked']} of {promise['partitions']}" in row
        for proof in promise["proofs"]:
            assert proof["fault"] in row


def test_a_check_that_has_caught_nothing_is_called_unproven(month: ReleaseView) -> None:
    promises = [dict(promise) for promise in month.evidence["promises"]]
    promise = next(one for one in promises if one["expectations"])
    promise |= {"proofs": [], "proven": False, "unproven": promise["expectations"], "status": "met"}
    page = compliance.render({**month.evidence, "promises": promises}, month)
    assert f"{promise['expectations'][0]} (unproven)" in _row(page, promise["id"])


def test_every_day_has_a_field_also_one_without_a_record(month: ReleaseView) -> None:
    less = [one for one in month.evidence["partitions"] if one["day"] != "2026-04-09"]
    page = compliance.render({**month.evidence, "partitions": less}, month)
    calendars = re.findall(r'<ol class="cal".*?</ol>', page, re.DOTALL)
    assert calendars
    assert {calendar.count("<li") for calendar in calendars} == {30}
    assert page.count('<li class="unknown">') == len(calendars)


def test_a_failure_is_told_with_what_became_of_it(page: str, month: ReleaseView) -> None:
    repaired = next(one for one in month.evidence["partitions"] if one["history"])
    story = re.search(rf'id="story\.{re.escape(repaired["id"].replace("/", "."))}">.*?</div>', page, re.DOTALL)
    assert story
    assert "quarantined: consent_in_force accepted" in _text(story[0])


def test_the_rest_of_the_document_is_on_the_page(page: str, month: ReleaseView) -> None:
    text, evidence = _text(page), month.evidence
    assert f"cetegra-usage verify {month.period.key} --set publish.url=" in text
    for store in evidence["stores"]:
        for key in ("store", "country", "operator", "residency"):
            assert str(store[key]) in text
    for value in [*evidence["versions"].values(), *evidence["hashes"].values(), *evidence["limits"]]:
        assert str(value) in text
    for rule in evidence["withheld"]["by_rule"]:
        assert rule in text
    for one in evidence["partitions"]:
        assert one["id"] in text
