"""The contract's rules for a landing zone in Parquet, in plain Python: slow, short, and without the machine's code."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

Row = dict[str, Any]
Broken = dict[str, set[str]]
"""For each partition id, the expectations that it breaks."""

SKEW = timedelta(seconds=60)
EVENT_TYPES = {
    "event_id": {"extension<arrow.uuid>", "string"},
    "occurred_at": {"timestamp[us, tz=UTC]", "string"},
    "service": {"string"},
    "user_type": {"string"},
    "action": {"string"},
    "feature": {"string"},
    "consent": {"bool"},
    "pseudonym": {"int64"},
    "session_id": {"extension<arrow.uuid>", "string"},
}
CONSENT_TYPES = {"pseudonym": {"int64"}, "changed_at": {"timestamp[us, tz=UTC]", "string"}, "state": {"string"}}
FEEDBACK_TYPES = {
    "event_id": {"extension<arrow.uuid>"},
    "occurred_at": {"timestamp[us, tz=UTC]"},
    "notice": {"string"},
    "kind": {"string"},
    "rating": {"int64", "string"},
    "recipient": {"int64"},
    "company": {"extension<arrow.uuid>"},
}
CASTS: dict[str, Callable[[str], Any]] = {
    "event_id": UUID,
    "session_id": UUID,
    "occurred_at": datetime.fromisoformat,
    "changed_at": datetime.fromisoformat,
    "rating": int,
}
WARNINGS = {"withdrawal_after_grant", "consent_not_contradictory"}
FINDS = {
    "no_device_data": r"\d+\.\d+\.\d+\.\d+",
    "no_direct_identifiers": r"_at_\w+_dot_org",
    "no_content_values": r"inc\d{5,}",
    "no_sensitive_words": r"trade_union",
    "no_person_names": r"kari_nordmann",
}


def judge(root: Path, account_ids: Iterable[str] = ()) -> Broken:
    """Return what the partitions of a zone break; a partition that breaks nothing is not named.

    From a day on whose consent log is not to be trusted, events cannot be judged.
    """
    catalogue = tomllib.loads((root / "catalogue.toml").read_text("utf-8"))
    digests = {int(hashlib.sha256(account.encode()).hexdigest()[:16], 16) % 2**63 for account in account_ids}
    broken: Broken = defaultdict(set)
    log: list[Row] = []
    for folder in sorted(root.glob("consents/day=*")):
        day = _day(folder)
        rows = _landed(folder, CONSENT_TYPES, broken[f"consents/{day}"], "consent_")
        _judge_changes(rows, day, broken[f"consents/{day}"])
        log += rows
    intervals, wrong = _intervals(log)
    for name, days in wrong.items():
        for day in days:
            broken[f"consents/{day}"].add(name)
    untrusted = min(
        (_day(folder) for folder in root.glob("consents/day=*") if broken[f"consents/{_day(folder)}"] - WARNINGS),
        default=date.max,
    )
    events: dict[tuple[str, date], list[Row]] = {}
    for folder in sorted(root.glob("events/service=*/day=*")):
        service, day = folder.parent.name.removeprefix("service="), _day(folder)
        if day >= untrusted:
            continue
        found = broken[f"events/{service}/{day}"]
        events[service, day] = rows = _landed(folder, EVENT_TYPES, found, "")
        _judge_events(rows, service, day, found)
        _judge_words(rows, catalogue, found)
        _judge_consent(rows, intervals, found)
        found |= {"pseudonym_no_account_digest" for row in rows if row.get("pseudonym") in digests}
    _judge_across(events, broken)
    notices = {entry["key"] for entry in catalogue["notice"]}
    for folder in sorted(root.glob("feedback/day=*")):
        day = _day(folder)
        found = broken[f"feedback/{day}"]
        rows = _landed(folder, FEEDBACK_TYPES, found, "feedback_")
        _judge_feedback(rows, day, notices, found)
        found |= {"recipient_no_account_digest" for row in rows if row["recipient"] in digests}
    return {partition: found for partition, found in broken.items() if found}


def unsealed(root: Path) -> set[str]:
    """Return the folders, by their path, whose files are not exactly what their seal says."""
    faults: set[str] = set()
    for folder in (*root.glob("events/*/*"), *root.glob("consents/*"), *root.glob("feedback/*")):
        sealed = {entry["name"]: entry for entry in json.loads((folder / "_seal.json").read_text("utf-8"))["files"]}
        there = {file.name for file in folder.iterdir()} - {"_seal.json"}
        fits = there == set(sealed)
        for name in there & set(sealed):
            data, entry = (folder / name).read_bytes(), sealed[name]
            fits &= (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
        if not fits:
            faults.add(folder.relative_to(root).as_posix())
    return faults


def _day(folder: Path) -> date:
    return date.fromisoformat(folder.name.removeprefix("day="))


def _landed(folder: Path, types: dict[str, set[str]], found: set[str], prefix: str) -> list[Row]:
    """Read a folder, judge columns and casts, and return its rows with what does not cast as null."""
    rows: list[Row] = []
    for file in sorted(folder.glob("*.parquet")):
        opened: Any = pq.ParquetFile(file)
        rows += _rows(opened.read(), types, found, prefix)
    return rows


def _rows(table: Any, types: dict[str, set[str]], found: set[str], prefix: str) -> list[Row]:
    kinds = {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)}
    if set(kinds) - set(types):
        found.add(f"{prefix}no_extra_columns")
    if set(types) - set(kinds):
        found.add(f"{prefix}no_missing_columns")
    mistyped = {name for name in set(types) & set(kinds) if kinds[name] not in types[name]}
    if mistyped:
        found.add(f"{prefix}no_mistyped_columns")
    rows: list[Row] = table.drop_columns(sorted(mistyped)).to_pylist()
    for row in rows:
        for name in row:
            if row[name] is None and name not in {"pseudonym", "session_id", "rating"} and name in types:
                found.add(f"{prefix}values_present")
            if isinstance(row[name], str) and name in CASTS:
                row[name] = _cast(row[name], CASTS[name])
                if row[name] is None:
                    found.add(f"{prefix}values_readable")
    return rows


def _cast(text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except ValueError:
        return None


def _judge_changes(rows: list[Row], day: date, found: set[str]) -> None:
    for row in rows:
        if row["changed_at"] is not None and row["changed_at"].astimezone(UTC).date() != day:
            found.add("consent_inside_the_day")
        if not 2**32 < row["pseudonym"] < 2**63:
            found.add("consent_pseudonym_in_range")
        if row.get("state") not in {"granted", "withdrawn", None}:
            found.add("consent_state_declared")


def _intervals(log: list[Row]) -> tuple[dict[int, list[tuple[datetime, datetime]]], dict[str, set[date]]]:
    """Return each person's intervals of consent, and the days of changes that make no sense."""
    by_person: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    for row in log:
        if row["changed_at"] is not None and row.get("state") in {"granted", "withdrawn"}:
            by_person[row["pseudonym"]].append((row["changed_at"], row["state"]))
    intervals: dict[int, list[tuple[datetime, datetime]]] = {}
    wrong: dict[str, set[date]] = defaultdict(set)
    for person, changes in by_person.items():
        intervals[person] = []
        begun: datetime | None = None
        for at, state in sorted(changes):
            if state == "granted":
                begun = begun or at
                continue
            if begun is None:
                wrong["withdrawal_after_grant"].add(at.date())
            elif begun < at:
                intervals[person].append((begun, at))
            if (at, "granted") in changes:
                wrong["consent_not_contradictory"].add(at.date())
            begun = None
        if begun is not None:
            intervals[person].append((begun, datetime.max.replace(tzinfo=UTC) - SKEW))
    return intervals, wrong


def _judge_events(rows: list[Row], service: str, day: date, found: set[str]) -> None:
    seen: dict[UUID, Row] = {}
    for row in rows:
        consent, person, tab = row["consent"], row["pseudonym"], row.get("session_id")
        rules = {
            "service_is_the_folders": row["service"] == service,
            "inside_the_day": row["occurred_at"].date() == day,
            "event_id_unique": seen.setdefault(row["event_id"], row) == row,
            "event_id_random": row["event_id"].version in {4, 7},
            "no_pseudonym_without_consent": consent or person is None,
            "pseudonym_with_consent": not consent or person is not None,
            "pseudonym_in_range": person is None or 2**32 < person < 2**63,
            "session_only_with_consent": consent or tab is None,
            "session_id_random": tab is None or tab.version == 4,
        }
        found |= {name for name, holds in rules.items() if not holds}
    if _are_counted({row["pseudonym"] for row in rows} - {None}):
        found.add("pseudonym_not_sequential")


def _are_counted(people: set[int]) -> bool:
    near = sum(after - before <= 16 for before, after in pairwise(sorted(people)))
    return len(people) >= 30 and near > len(people) / 10


def _judge_feedback(rows: list[Row], day: date, notices: set[str], found: set[str]) -> None:
    seen: dict[UUID, Row] = {}
    for row in rows:
        company, rating = row.get("company"), row.get("rating")
        rules = {
            "feedback_inside_the_day": row["occurred_at"].date() == day,
            "feedback_id_unique": seen.setdefault(row["event_id"], row) == row,
            "feedback_id_random": row["event_id"].version in {4, 7},
            "rating_with_answer": rating is None or (row["kind"] == "answered" and rating in range(1, 6)),
            "kind_declared": row["kind"] in {"shown", "opened", "dismissed", "answered", None},
            "recipient_in_range": 2**32 < row["recipient"] < 2**63,
            "company_opaque": company is None or company.version in {4, 7},
            "notice_is_a_key": re.fullmatch(r"[a-z0-9._]{1,64}", row["notice"]),
            "notice_declared": row["notice"] in notices,
        }
        found |= {name for name, holds in rules.items() if not holds}
        if row["notice"] not in notices:
            found |= {f"feedback_{name}" for name, shape in FINDS.items() if re.search(shape, row["notice"])}
    if _are_counted({row["recipient"] for row in rows}):
        found.add("recipient_not_sequential")


def _judge_words(rows: list[Row], catalogue: dict[str, list[Row]], found: set[str]) -> None:
    features = {entry["key"]: entry for entry in catalogue["feature"]}
    for row in rows:
        if row["action"] not in {"open", "navigate", "submit", "order", None}:
            found.add("action_declared")
        for name in ("service", "user_type", "feature"):
            if not re.fullmatch(r"[a-z0-9._]{1,64}", row[name]):
                found.add(f"{name}_is_a_key")
            if row[name] not in {entry["key"] for entry in catalogue[name]}:
                found.add(f"{name}_declared")
                found |= {expectation for expectation, shape in FINDS.items() if re.search(shape, row[name])}
        if (feature := features.get(row["feature"])) is not None:
            if feature["service"] != row["service"]:
                found.add("feature_of_its_service")
            if row["action"] in {"open", "navigate", "submit", "order"} - set(feature["actions"]):
                found.add("action_listed")


def _judge_consent(rows: list[Row], intervals: dict[int, list[tuple[datetime, datetime]]], found: set[str]) -> None:
    tabs: dict[UUID, list[Row]] = defaultdict(list)
    for row in rows:
        if row["pseudonym"] is None:
            continue
        of_person = intervals.get(row["pseudonym"], [])
        if not any(begun - SKEW <= row["occurred_at"] < ended + SKEW for begun, ended in of_person):
            found.add("consent_in_force")
        if row.get("session_id") is not None:
            tabs[row["session_id"]].append(row)
    for events in tabs.values():
        persons = {row["pseudonym"] for row in events}
        times = [row["occurred_at"] for row in events]
        if len(persons) > 1:
            found.add("session_one_person")
        for person in persons:
            if any(min(times) < ended <= max(times) - SKEW for _, ended in intervals.get(person, [])):
                found.add("session_ends_with_consent")


def _judge_across(events: dict[tuple[str, date], list[Row]], broken: Broken) -> None:
    begun: dict[UUID, datetime] = {}
    for (service, day), rows in sorted(events.items(), key=lambda item: item[0][1]):
        found = broken[f"events/{service}/{day}"]
        for row in rows:
            if (tab := row.get("session_id")) is not None:
                begun[tab] = min(begun.get(tab, row["occurred_at"]), row["occurred_at"])
                if row["occurred_at"] - begun[tab] > timedelta(days=7):
                    found.add("session_short")
        usual = len(events.get((service, day - timedelta(days=7)), []))
        if usual >= 100 and not usual / 5 < len(rows) < usual * 5:
            found.add("volume_as_usual")
    for day in {day for _, day in events}:
        workspace, docs = (
            {row["pseudonym"] for row in events.get((service, day), [])} - {None} for service in ("workspace", "docs")
        )
        if workspace & docs:
            for service in ("workspace", "docs"):
                broken[f"events/{service}/{day}"].add("pseudonym_one_service")
