"""Partitions written by hand: small landing zones that the generator does not know."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import run as runs
from cetegra_usage.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cetegra_usage.pipeline.process import Outcome

DAY = date(2026, 6, 3)
TODAY = date(2026, 6, 15)
PERSON = 7_318_264_991_027_446_117
OTHER = 3_190_557_820_114_902_771

EVENT = pa.schema(
    [
        ("event_id", pa.string()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("service", pa.string()),
        ("user_type", pa.string()),
        ("action", pa.string()),
        ("feature", pa.string()),
        ("consent", pa.bool_()),
        ("pseudonym", pa.int64()),
        ("session_id", pa.string()),
    ]
)
CHANGE = pa.schema([("pseudonym", pa.int64()), ("changed_at", pa.timestamp("us", tz="UTC")), ("state", pa.string())])
FEEDBACK = pa.schema(
    [
        ("event_id", pa.string()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("notice", pa.string()),
        ("kind", pa.string()),
        ("rating", pa.int32()),
        ("recipient", pa.int64()),
        ("company", pa.string()),
    ]
)

CATALOGUE = """\
[[service]]
key = "workspace"
title = "Workspace"

[[user_type]]
key = "basic_user"
title = "Basic User"

[[feature]]
key = "cases.open_list"
title = "Cases"
service = "workspace"
actions = ["open", "submit"]
owner = "the cases team"
since = 2026-01-01
"""
SETTINGS = """\
[landing]
url = "landing"
country = "NO"
[warehouse]
url = "warehouse"
country = "NO"
[publish]
url = "publish"
country = "NO"
[catalogue]
path = "catalogue.toml"
"""


def zone(root: Path, settings: str = "") -> Path:
    """Make an empty landing zone with a catalogue and settings; return the settings' file."""
    (root / "landing").mkdir(parents=True)
    (root / "catalogue.toml").write_text(CATALOGUE, "utf-8")
    (root / "cetegra-usage.toml").write_text(SETTINGS + settings, "utf-8")
    return root / "cetegra-usage.toml"


def declare_docs(config: Path) -> None:
    """Declare a second service, with one feature."""
    page = 'key = "docs.page"\ntitle = "Page"\nservice = "docs"\nactions = ["open"]\nowner = "docs"\nsince = 2026-01-01'
    with (config.parent / "catalogue.toml").open("a", encoding="utf-8") as catalogue:
        catalogue.write(f'[[service]]\nkey = "docs"\ntitle = "Docs"\n[[feature]]\n{page}\n')


def event(number: int, hour: float = 9.0, *, day: date = DAY, **changed: Any) -> dict[str, Any]:
    """Return a lawful event of somebody who did not consent; `changed` replaces values."""
    return {
        "event_id": str(UUID(int=number * 7_919 + (day.toordinal() << 64), version=4)),
        "occurred_at": at(hour, day),
        "service": "workspace",
        "user_type": "basic_user",
        "action": "open",
        "feature": "cases.open_list",
        "consent": False,
        "pseudonym": None,
        "session_id": None,
    } | changed


def identified(
    number: int, hour: float = 9.0, person: int = PERSON, *, day: date = DAY, **changed: Any
) -> dict[str, Any]:
    """Return an event of somebody who consented."""
    return event(number, hour, day=day, **({"consent": True, "pseudonym": person} | changed))


def change(hour: float, state: str, person: int = PERSON, *, day: date = DAY) -> dict[str, Any]:
    """Return a row of the consent log."""
    return {"pseudonym": person, "changed_at": at(hour, day), "state": state}


def response(
    number: int, kind: str = "shown", recipient: int = 1, *, day: date = DAY, **changed: Any
) -> dict[str, Any]:
    """Return what a recipient (of small numbers, made one of the range) did with the notice `downtime`."""
    return {
        "event_id": str(UUID(int=number * 7_919 + (day.toordinal() << 64), version=4)),
        "occurred_at": at(9.0, day),
        "notice": "downtime",
        "kind": kind,
        "rating": None,
        "recipient": recipient_of(recipient),
        "company": str(UUID(int=77, version=4)),
    } | changed


def recipient_of(number: int) -> int:
    """Return the id of a recipient of a small number: too far from another's to be counted up."""
    return 2**61 + number * number * 982_451_653


def at(hour: float, day: date = DAY) -> datetime:
    """Return an instant of a day."""
    return datetime.combine(day, time(), UTC).replace(hour=int(hour), minute=round(hour % 1 * 60) % 60)


def land_events(
    config: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    day: date = DAY,
    service: str = "workspace",
    schema: Any = EVENT,
    name: str = "part-0.parquet",
    sealed: bool = True,
) -> Path:
    """Write an event partition and return its folder."""
    folder = config.parent / f"landing/events/service={service}/day={day}"
    return land(folder, {name: parquet(rows, schema)}, len(rows) if sealed else None)


def land_consents(config: Path, rows: Sequence[Mapping[str, Any]], *, day: date = DAY) -> Path:
    """Write a consents partition and return its folder."""
    return land(config.parent / f"landing/consents/day={day}", {"part-0.parquet": parquet(rows, CHANGE)}, len(rows))


def land_feedback(config: Path, rows: Sequence[Mapping[str, Any]], *, day: date = DAY, schema: Any = FEEDBACK) -> Path:
    """Write a feedback partition and return its folder."""
    return land(config.parent / f"landing/feedback/day={day}", {"part-0.parquet": parquet(rows, schema)}, len(rows))


def land(folder: Path, files: Mapping[str, bytes], rows: int | None) -> Path:
    """Write files and, if their rows are given, a seal that fits them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if rows is not None:
        listed = [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "rows": rows}
            for name, content in files.items()
        ]
        (folder / "_seal.json").write_text(json.dumps({"files": listed}), "utf-8")
    return folder


def parquet(rows: Sequence[Mapping[str, Any]], schema: Any) -> bytes:
    """Return rows as Parquet."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema), buffer)
    return buffer.getvalue()


def ndjson(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as NDJSON."""
    return "".join(json.dumps(row, default=lambda value: value.isoformat()) + "\n" for row in rows).encode()


def run(config: Path, today: date = TODAY, flags: Mapping[str, str] | None = None) -> runs.Report:
    """Run in this process, without Prefect."""
    with jobs.opened(load_settings(config, flags), today) as job:
        return runs.run(job, *jobs.days_to_take(job, None, None))


def check(config: Path, today: date = TODAY) -> dict[str, Outcome]:
    """Check in this process, and return the outcome of each partition."""
    with jobs.opened(load_settings(config), today) as job:
        report = runs.check(job, *jobs.days_to_take(job, None, None))
    return {outcome.partition.id: outcome for outcome in report.outcomes}


def only(config: Path) -> Outcome:
    """Check, and return the outcome of the one event partition."""
    (found,) = [outcome for name, outcome in check(config).items() if name.startswith("events/")]
    return found


def failures(outcome: Outcome) -> dict[str, int]:
    """Return the count of each expectation that failed."""
    return {failed["expectation"]: failed["count"] for failed in outcome.failed}
