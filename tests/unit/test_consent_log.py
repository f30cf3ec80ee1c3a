"""The consent log: which of its days a verdict on events did not know."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cetegra_usage import ledger
from cetegra_usage.model import Partition
from cetegra_usage.pipeline import consent_log

FIRST = date(2026, 6, 1)
DAYS = st.integers(0, 8).map(lambda number: FIRST + timedelta(days=number))
VERDICTS = st.lists(st.tuples(DAYS, st.integers(0, 2), st.sampled_from(["consents", "events/docs", "shortened"])))


def judged(verdicts: list[tuple[date, int, str]]) -> ledger.Ledger:
    """Return a ledger of verdicts in some order of days: early changes of each, and what it is about."""
    known = ledger.Ledger()
    for number, (day, early_changes, about) in enumerate(verdicts, 1):
        name = f"consents/{day}"
        body: dict[str, Any] = {"kind": ledger.VERDICT, "number": number, "previous": "", "state": "accepted"}
        body |= {"partition": f"{about}/{day}" if about != "shortened" else name, "early_changes": early_changes}
        if about == "shortened" and name in known.latest:  # a record that says what is left of a verdict
            body |= {"kind": ledger.FORGOTTEN, "verdict": known.latest[name].verdict}
        known.take({"records": [{"body": body, "sha256": "", "when": ""}]})
    return known


@given(verdicts=VERDICTS, day=DAYS, seen=st.integers(0, 20))
def test_a_verdict_did_not_know_what_was_judged_after_it_up_to_the_start_of_the_next_day(
    verdicts: list[tuple[date, int, str]], day: date, seen: int
) -> None:
    known = judged(verdicts)
    expected: list[Partition] = []
    for name, record in known.latest.items():
        partition = Partition.parse(name)
        ahead = (partition.day - day).days
        reaches = ahead <= 0 or (ahead == 1 and record.body["early_changes"] > 0)
        if partition.kind == "consents" and record.verdict > seen and reaches:
            expected.append(partition)
    assert list(consent_log.Judged(known.latest).after(seen, day)) == sorted(expected)
