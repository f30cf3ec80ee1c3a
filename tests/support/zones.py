"""Landing zones: Hypothesis makes small ones that are hard to get right, `write` lays one out as the contract says.

A zone keeps the rows as the reference takes them. What makes it hard: weeks, months, leap days and years that end in
it; midnights and the microseconds around them; equal instants; people who change type, who withdraw and come back, who
use two services; sessions over midnight or of two people; days that are empty, absent, quarantined or incomplete;
services that begin late or never; rows that are held or come twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from cetegra_usage.model import Catalogue, Feature
from support.reference import Change, Event, PartitionKey, Response, World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Layout = Literal["parquet", "parquet-text", "ndjson", "ndjson.gz", "ndjson.zst"]
WAIT_DAYS = 3

SERVICES = ("workspace", "docs", "portal")
USER_TYPES = ("basic_user", "advanced_user", "it_admin")
NOTICES = ("notice.downtime", "survey.search")
ACTIONS = (("open", "submit", "order"), ("open", "submit"), ("open", "navigate"), ("order", "open"), ("submit",))
PSEUDONYMS = (
    7_311_986_502_417_883_921,
    2_094_417_730_968_115_204,
    5_520_873_116_204_997_663,
    8_846_031_975_521_340_077,
    1_377_640_298_853_176_412,
)
# Near a year's, a leap February's, a quarter's end; 2026 has 53 weeks, and 31 May 2026 is a Sunday.
FIRST_DAYS = tuple(date.fromisoformat(text) for text in ("2026-05-26", "2026-12-22", "2028-02-22", "2027-03-29"))
TIMES = (
    time(9, 0),
    time(0, 0),
    time(0, 0, 0, 1),
    time(0, 0, 30),
    time(12, 30, 15, 250_000),
    time(23, 59, 30),
    time(23, 59, 59, 999_999),
)
STEPS = tuple(timedelta(seconds=seconds) for seconds in (30, 0, 0.000001, 600, 43_200, 86_400))
ID_RANKS = (0, 1, 2**31, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class Zone:
    """A landing zone and what it takes to run on it.

    Attributes:
        catalogue: What the deployment declares.
        events: Every row that landed, in partitions of every state.
        consents: Every row of the consent log; None where there is no `consents/`.
        partitions: State that each landed event partition must come to; what is not named is absent.
        feedback: Every row of feedback that landed.
        feedback_days: The same of feedback's partitions.
        today: The day on which it is run: all that the zone holds is over and waited for.
        layout: How its files are written.
        sealed: Whether its partitions have seals.
        skew_seconds: Setting `consent.skew_seconds`.
        identified_days: Setting `retention.identified_days`.
    """

    catalogue: Catalogue
    events: tuple[Event, ...]
    consents: tuple[Change, ...] | None
    partitions: dict[PartitionKey, str]
    today: date
    layout: Layout = "parquet"
    sealed: bool = True
    skew_seconds: int = 60
    identified_days: int = 395
    feedback: tuple[Response, ...] = ()
    feedback_days: dict[date, str] = field(default_factory=dict[date, str])

    def world(self) -> World:
        """Return the zone as the reference sees it."""
        return World(
            self.events,
            self.consents,
            self.partitions,
            self.catalogue,
            skew_seconds=self.skew_seconds,
            identified_days=self.identified_days,
            feedback=self.feedback,
            feedback_days=self.feedback_days,
        )

    def periods(self) -> list[str]:
        """Return every week and month that must be published: waited for, from the first event partition's on."""
        first = min((day for _, day in self.partitions), default=self.today)
        keys: set[str] = set()
        for n in range((self.today - first).days):
            day = first + timedelta(days=n)
            year, week, _ = day.isocalendar()
            sunday = day + timedelta(days=7 - day.isoweekday())
            month_end = (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            keys |= {f"{year}-W{week:02}"} if self._waited(sunday) else set()
            keys |= {f"{day:%Y-%m}"} if self._waited(month_end) else set()
        return sorted(keys)

    def _waited(self, last: date) -> bool:
        return last + timedelta(days=WAIT_DAYS) < self.today


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Draw one to three services and types, and for each service one to three features with their actions."""
    services = SERVICES[: draw(st.integers(1, 3))]
    user_types = USER_TYPES[: draw(st.integers(1, 3))]
    features: dict[str, Feature] = {}
    for service in services:
        for number, actions in enumerate(draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3))):
            key = f"{service}.part_{'abc'[number]}"
            features[key] = Feature(key, key, service, actions, "team", date(2026, 1, 1))
    return Catalogue(
        services={key: key.title() for key in services},
        user_types={key: key.replace("_", " ") for key in user_types},
        features=features,
        notices={key: key.title() for key in NOTICES[: draw(st.integers(0, 2))]},
        digest="",
    )


@st.composite
def zones(draw: st.DrawFn, *, max_days: int = 60, max_walks: int = 24) -> Zone:
    """Draw a landing zone of up to `max_days` days in which people take up to `max_walks` walks."""
    catalogue = draw(catalogues())
    first = draw(st.sampled_from(FIRST_DAYS))
    days = draw(st.integers(1, min(12, max_days)) | st.integers(1, max_days))
    moments = st.builds(
        lambda n, clock: datetime.combine(first + timedelta(days=n), clock, UTC),
        st.integers(0, days - 1),
        st.sampled_from(TIMES),
    )
    partitions = _partitions(draw, catalogue, first, days)
    people = draw(st.integers(1, len(PSEUDONYMS)))
    events: list[Event] = []
    for _ in range(draw(st.integers(0, max_walks))):
        events += _walk(draw, catalogue, moments, people, serial=len(events))
    events = [event for event in events if (event.service, event.day) in partitions]
    if events:
        events += draw(st.lists(st.sampled_from(events), max_size=2))
    return Zone(
        catalogue=catalogue,
        events=tuple(events),
        consents=_consents(draw, moments, before=first - timedelta(days=1)),
        partitions=partitions,
        today=first + timedelta(days=days + WAIT_DAYS + draw(st.sampled_from((1, 8)))),
        layout=draw(st.sampled_from(("parquet", "parquet-text", "ndjson", "ndjson.gz", "ndjson.zst"))),
        sealed=draw(st.booleans()),
        skew_seconds=draw(st.sampled_from((60, 0))),
        identified_days=draw(st.sampled_from((395, 92))),
        **_feedback(draw, moments, first, days),
    )


def _feedback(draw: st.DrawFn, moments: st.SearchStrategy[datetime], first: date, days: int) -> dict[str, Any]:
    """Draw what few recipients did with notices, one of them unknown, and the state of each day."""
    days_of = _days(draw, first, days)
    rows: list[Response] = []
    for serial in range(draw(st.integers(0, 20))):
        kind = draw(st.sampled_from(("shown", "shown", "opened", "dismissed", "answered", "answered")))
        rows.append(
            Response(
                event_id=_uuid(draw(st.sampled_from(ID_RANKS)), serial),
                occurred_at=draw(moments),
                notice=draw(st.sampled_from((*NOTICES, *NOTICES, "notice.unheard_of"))),
                kind=kind,
                rating=draw(st.sampled_from((None, 1, 2, 3, 4, 5))) if kind == "answered" else None,
                recipient=draw(st.sampled_from(PSEUDONYMS)),
                company=_uuid(7, draw(st.integers(0, 1))),
            )
        )
    rows = [row for row in rows if row.day in days_of]
    if rows:
        rows += draw(st.lists(st.sampled_from(rows), max_size=2))
    return {"feedback": tuple(rows), "feedback_days": days_of}


def _partitions(draw: st.DrawFn, catalogue: Catalogue, first: date, days: int) -> dict[PartitionKey, str]:
    """Draw the state of each service's days: all there, but for a late begin and some bad days."""
    return {(service, day): state for service in catalogue.services for day, state in _days(draw, first, days).items()}


def _days(draw: st.DrawFn, first: date, days: int) -> dict[date, str]:
    """Draw the state of the days of one service, or of feedback."""
    begin = draw(st.sampled_from((0, 0, 0, 1, days // 2, days)))
    bad: dict[int, str] = {}
    for _ in range(draw(st.sampled_from((0, 0, 1, 3, days)))):
        state = draw(st.sampled_from(("absent", "quarantined", "incomplete")))
        bad[draw(st.integers(begin, max(begin, days - 1)))] = state
    states = {first + timedelta(days=n): bad.get(n, "accepted") for n in range(begin, days)}
    return {day: state for day, state in states.items() if state != "absent"}


def _walk(
    draw: st.DrawFn, catalogue: Catalogue, moments: st.SearchStrategy[datetime], people: int, serial: int
) -> list[Event]:
    """Draw one person's, or nobody's, events in a service: one session, or none; types may change on the way."""
    who = draw(st.sampled_from((*range(people), *range(people), None)))
    service = draw(st.sampled_from(sorted(catalogue.services)))
    session = None if who is None else draw(st.sampled_from((who, who + 5, None, who, who + 5, 10)))
    at = draw(moments)
    walk: list[Event] = []
    for _ in range(draw(st.integers(1, 6))):
        user_type, feature, action = draw(_uses(catalogue, service))
        walk.append(
            Event(
                event_id=_uuid(draw(st.sampled_from(ID_RANKS)), serial + len(walk)),
                occurred_at=at,
                service=service,
                user_type=user_type,
                action=action,
                feature=feature,
                consent=who is not None,
                pseudonym=None if who is None else PSEUDONYMS[who],
                session_id=None if session is None else _uuid(2**30 + session, session),
            )
        )
        at += draw(st.sampled_from(STEPS))
    return walk


def _uses(catalogue: Catalogue, service: str) -> st.SearchStrategy[tuple[str, str, str]]:
    """Draw a type, feature and action that the catalogue knows, and now and then what is held."""
    listed = [(f.key, action) for f in catalogue.features.values() if f.service == service for action in f.actions]
    foreign = [(f.key, f.actions[0]) for f in catalogue.features.values() if f.service != service]
    known = [(user_type, *use) for user_type in catalogue.user_types for use in listed]
    basic, *_ = catalogue.user_types
    held = [(basic, "not.listed", "open"), (basic, listed[0][0], "navigate"), ("guest_user", *listed[0])]
    held += [(basic, *use) for use in foreign[:1]]
    return st.integers(0, 19).flatmap(lambda n: st.sampled_from(held if n == 19 else known))


def _consents(draw: st.DrawFn, moments: st.SearchStrategy[datetime], before: date) -> tuple[Change, ...] | None:
    """Draw the log: none, or for each person nothing, a grant before everything, and changes at any moment."""
    if draw(st.sampled_from((False, False, False, True))):
        return None
    log: list[Change] = []
    for pseudonym in PSEUDONYMS:
        if draw(st.sampled_from((True, True, True, False))):
            log.append(Change(pseudonym, datetime.combine(before, time(8, 0), UTC), "granted"))
        for moment in sorted(draw(st.lists(moments, max_size=3))):
            state: Literal["granted", "withdrawn"] = draw(st.sampled_from(("withdrawn", "granted")))
            log.append(Change(pseudonym, moment, state))
    return tuple(log)


def _uuid(rank: int, serial: int) -> UUID:
    """Make a version 4 UUID that sorts by rank first."""
    return UUID(int=(rank << 96) | (4 << 76) | (2 << 62) | serial)


# --- writing ------------------------------------------------------------------------------------------------------


def write(zone: Zone, folder: Path) -> Path:
    """Write landing folders, catalogue and settings (threshold and rounding 1: exact); return the settings' file."""
    landing = folder / "landing"
    rows: dict[PartitionKey, list[Event]] = defaultdict(list)
    for event in zone.events:
        rows[event.service, event.day].append(event)
    for (service, day), state in zone.partitions.items():
        its = [_event_row(event) for event in rows[service, day]]
        if state == "quarantined":
            its.append(_forbidden_row(service, day, next(iter(zone.catalogue.features))))
        path = landing / "events" / f"service={service}" / f"day={day}"
        _write_partition(path, its, EVENTS, zone, broken=state == "incomplete")
    for day, state in zone.feedback_days.items():
        its = [{name: getattr(row, name) for name in FEEDBACK.names} for row in zone.feedback if row.day == day]
        if state == "quarantined":
            its.append(_forbidden_response(day))
        path = landing / "feedback" / f"day={day}"
        _write_partition(path, its, FEEDBACK, zone, broken=state == "incomplete")
    if zone.consents is not None:
        log: dict[date, list[Change]] = defaultdict(list)
        for change in zone.consents:
            log[change.changed_at.date()].append(change)
        for day in log or [min((day for _, day in zone.partitions), default=zone.today - timedelta(days=9))]:
            its = [{"pseudonym": c.pseudonym, "changed_at": c.changed_at, "state": c.state} for c in log[day]]
            _write_partition(landing / "consents" / f"day={day}", its, CONSENTS, zone)
    landing.mkdir(exist_ok=True)
    (folder / "catalogue.toml").write_text(_catalogue_toml(zone.catalogue), "utf-8")
    settings = folder / "cetegra-usage.toml"
    settings.write_text(_settings_toml(zone, folder), "utf-8")
    return settings


EVENTS = pa.schema(
    [
        ("event_id", pa.uuid()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("service", pa.string()),
        ("user_type", pa.string()),
        ("action", pa.string()),
        ("feature", pa.string()),
        ("consent", pa.bool_()),
        ("pseudonym", pa.int64()),
        ("session_id", pa.uuid()),
    ]
)
CONSENTS = pa.schema([("pseudonym", pa.int64()), ("changed_at", pa.timestamp("us", "UTC")), ("state", pa.string())])
FEEDBACK = pa.schema(
    [
        ("event_id", pa.uuid()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("notice", pa.string()),
        ("kind", pa.string()),
        ("rating", pa.int8()),
        ("recipient", pa.int64()),
        ("company", pa.uuid()),
    ]
)


def _forbidden_response(day: date) -> dict[str, Any]:
    """Return a row that blocks its partition: a recipient of the size of an account's own number."""
    at = datetime.combine(day, time(12), UTC)
    row = Response(_uuid(3, 999_999), at, NOTICES[0], "shown", None, 41_207, _uuid(7, 0))
    return {name: getattr(row, name) for name in FEEDBACK.names}


def _event_row(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in EVENTS.names}


def _forbidden_row(service: str, day: date, feature: str) -> dict[str, Any]:
    """Return a row that blocks its partition: a pseudonym of the size of an account's own number."""
    at = datetime.combine(day, time(12), UTC)
    these = Event(_uuid(3, 999_999), at, service, USER_TYPES[0], "open", feature, consent=True, pseudonym=41_207)
    return _event_row(these)


def _write_partition(
    path: Path, rows: Sequence[dict[str, Any]], schema: Any, zone: Zone, *, broken: bool = False
) -> None:
    """Write a partition's rows as two files where it has several, as no file where it is sealed and has none."""
    path.mkdir(parents=True)
    parts = [rows[: len(rows) // 2], rows[len(rows) // 2 :]] if len(rows) > 1 else [rows]
    listed: list[dict[str, Any]] = []
    for number, part in enumerate(parts):
        if part or not zone.sealed:
            file = path / f"part-{number}.{zone.layout.split('-')[0]}"
            file.write_bytes(_encode(part, schema, zone.layout))
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            listed.append({"name": file.name, "bytes": file.stat().st_size, "sha256": digest, "rows": len(part)})
    if broken:
        listed.append({"name": "part-9.parquet", "bytes": 1, "sha256": "0" * 64, "rows": 1})
    if zone.sealed or broken:
        (path / "_seal.json").write_text(json.dumps({"files": listed}), "utf-8")


def _encode(rows: Sequence[dict[str, Any]], schema: Any, layout: Layout) -> bytes:
    sink = pa.BufferOutputStream()
    if layout.startswith("parquet"):
        if layout == "parquet-text":
            schema = pa.schema([(f.name, pa.string() if f.type == pa.uuid() else f.type) for f in schema])
        columns = [_column([row[field.name] for row in rows], field.type) for field in schema]
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink)
        return sink.getvalue().to_pybytes()
    text = "".join(json.dumps(row, default=_plain) + "\n" for row in rows).encode()
    compression = {"ndjson.gz": "gzip", "ndjson.zst": "zstd"}.get(layout)
    if compression is None:
        return text
    with pa.CompressedOutputStream(sink, compression) as stream:
        stream.write(text)
    return sink.getvalue().to_pybytes()


def _column(values: list[Any], kind: Any) -> Any:
    if kind == pa.uuid():
        raw = pa.array([None if value is None else value.bytes for value in values], pa.binary(16))
        return pa.ExtensionArray.from_storage(pa.uuid(), raw)
    return pa.array([str(value) if isinstance(value, UUID) else value for value in values], kind)


def _plain(value: UUID | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _catalogue_toml(catalogue: Catalogue) -> str:
    entries: list[str] = []
    for name, titles in (
        ("service", catalogue.services),
        ("user_type", catalogue.user_types),
        ("notice", catalogue.notices),
    ):
        entries += [f'[[{name}]]\nkey = "{key}"\ntitle = "{title}"\n' for key, title in titles.items()]
    entries += [
        f'[[feature]]\nkey = "{f.key}"\ntitle = "{f.title}"\nservice = "{f.service}"\n'
        f'actions = {json.dumps(list(f.actions))}\nowner = "{f.owner}"\nsince = {f.since}\n'
        for f in catalogue.features.values()
    ]
    return "\n".join(entries)


def _settings_toml(zone: Zone, folder: Path) -> str:
    stores = "".join(
        f'[{name}]\nurl = "{folder / name}"\ncountry = "NO"\noperator = "own"\n' for name in ("warehouse", "publish")
    )
    return (
        f'[landing]\nurl = "{folder / "landing"}"\ncountry = "NO"\noperator = "own"\nwait_days = {WAIT_DAYS}\n{stores}'
        f'[catalogue]\npath = "{folder / "catalogue.toml"}"\n'
        "[disclosure]\nthreshold = 1\nrounding = 1\n"
        f"[retention]\nidentified_days = {zone.identified_days}\n[consent]\nskew_seconds = {zone.skew_seconds}\n"
    )
