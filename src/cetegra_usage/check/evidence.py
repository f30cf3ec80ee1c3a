"""Evidence: one pass over a partition turns it into counts of what breaks each expectation.

The counts are all that leaves; what the roll up needs to know of single rows (ids to strip, repeated ids) is
kept in the partition's own folder of the spool, as Parquet, and goes with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cetegra_usage import sql
from cetegra_usage.check import detectors, numbers, reader
from cetegra_usage.erased import NOBODY, Erased
from cetegra_usage.errors import IncompletePartitionError
from cetegra_usage.model import Rows
from cetegra_usage.settings import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from cetegra_usage.check.numbers import Integers
    from cetegra_usage.model import Catalogue, Partition
    from cetegra_usage.settings import Settings

NAMES_SEARCHED = (
    "no_device_data",
    "no_direct_identifiers",
    "no_content_values",
    "no_sensitive_words",
    "no_person_names",
)
"""The expectations that the detectors count for."""

CHANGES = "changes.parquet"
"""What an examined consents partition leaves in its folder: `pseudonym`, `changed_at`, `state`."""

HELD_NOTICES = "held_notices.parquet"
"""What an examined feedback partition leaves in its folder: `notice` and `row_count` of what is held."""

_SET_APART = ("lapsed", "broken_sessions", "repeated_ids", "repeated_rows", "held_groups")
_KEPT = (*_SET_APART, "accepted_groups", "persons_seen", "sessions_seen")
_GIVEN = ("judged_groups", "person_spans", "repeated_numbers", "sharing_persons", "nobodys_sessions")
_ASKED = {
    "intervals_seen": [{"person_spans", "sharing_persons"}],
    "ending_persons": [{"intervals_seen"}],
    "doubtful_persons": [{"person_spans"}],
    "event_places": [{"repeated_numbers"}],
    "person_places": [{"sharing_persons", "ending_persons"}],
    "nobodys_places": [{"nobodys_sessions"}],
    "looked_at": [{"event_places", "person_places", "nobodys_places"}],
    "repeated_ids": [{"repeated_numbers"}],
    "repeated_rows": [{"repeated_ids"}],
    "held_groups": [{"judged_groups"}],
    "asked_rows": [{"doubtful_persons"}],
    "lapsed": [{"asked_rows"}],
    "lapsed_places": [{"lapsed"}, {"held_groups"}],
    "held_lapsed": [{"lapsed_places"}],
    "session_spans": [{"sharing_persons", "ending_persons"}],
    "broken_sessions": [{"session_spans"}],
}
"""Statements that look for rows, in their order, each with sets of inputs: of each set one must have a row."""

_VALUE_RULES = ("values_present", "values_readable", "inside_the_day")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a partition's check counted.

    Attributes:
        partition: Which one.
        counts: For each expectation of the suite, the number of rows, sessions or values that break it;
            None where it could not be checked.
        rows: The fate of each row, if the partition is not quarantined.
        detectors: Values found, by detector.
        held: Keys that are held and pass every detector: (column, key, rows).
        early_changes: Of a consents partition: changes so soon after midnight that they touch the day before.
        most: How many of its rows one person has at most, or one event id; or nobody knows whose they are.
    """

    partition: Partition
    counts: Mapping[str, int | None]
    rows: Rows
    detectors: Mapping[str, int] = field(default_factory=dict[str, int])
    held: Sequence[tuple[str, str, int]] = ()
    early_changes: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What a partition is judged against, beside its own rows.

    Attributes:
        intervals: Parquet file of the intervals in which consent was in force (`pseudonym`, `granted_at`,
            `withdrawn_at`, null while in force); None where there is no consent log.
        digest_numbers: Numbers cut from the digests of account ids; None where no list is given.
        masked: What the partition's folder says its service is, where the id does not show it; None where it does.
        erased: Who was erased: the log no longer tells of them what is of days before, and they are asked in its place.
    """

    intervals: Path | None
    digest_numbers: Sequence[int] | None = None
    masked: str | None = None
    erased: Erased = NOBODY


def examine(
    databases: sql.Databases,
    partition: Partition,
    files: Sequence[Path],
    context: Context,
    catalogue: Catalogue,
    settings: Settings,
    needs: Mapping[str, Sequence[str]],
    folder: Path,
) -> Evidence:
    """Count what breaks each expectation of the event suite in one partition.

    Args:
        databases: Where the statements run.
        partition: The partition.
        files: Its local files.
        context: The consent log and what else it is judged against.
        catalogue: The declared services, user types and features.
        settings: `consent.skew_seconds`.
        needs: For each expectation, the columns without which it is not checked.
        folder: The partition's own folder of the spool.

    Raises:
        IncompletePartitionError: A file cannot be read as what its name says.
    """
    for longest in (None, detectors.LONGEST):
        with databases.empty() as connection:
            shape = reader.view(connection, files, reader.EVENTS, longest=longest)
            try:
                _register(connection, partition.day, context, catalogue)
                return _examine(connection, partition, shape, context, settings, needs, folder)
            except sql.QueryError as error:
                if longest or not error.is_of_memory:  # else texts fill the memory, perhaps
                    if not error.is_of_the_data:
                        raise
                    break
    raise reader.unreadable()


def examine_consents(
    databases: sql.Databases,
    partition: Partition,
    files: Sequence[Path],
    settings: Settings,
    needs: Mapping[str, Sequence[str]],
    folder: Path,
) -> Evidence:
    """Count what breaks each expectation of the consents suite in one partition; raises as `examine` does.

    The changes themselves are kept in the partition's folder, as `CHANGES`.
    """
    with databases.empty() as connection:
        shape = reader.view(connection, files, reader.CONSENTS)
        try:
            counts = _row(
                sql.frame(connection, "consent_counts", day=partition.day, skew_seconds=settings.consent.skew_seconds)
            )
            sql.table(connection, "landed_changes")
            connection.table("landed_changes").write_parquet(str(folder / CHANGES), compression="zstd")
        except sql.QueryError as error:
            if not error.is_of_the_data:
                raise
            counts = None
    if counts is None:
        raise reader.unreadable()
    landed, duplicate, early, most = (
        counts.pop(name) or 0 for name in ("landed", "duplicate", "early_changes", "most")
    )
    _add_shape(counts, shape, needs, prefix="consent_")
    rows = Rows(landed=landed, accepted=landed - duplicate, duplicate=duplicate)
    return Evidence(partition, counts, rows, early_changes=early, most=most)


def examine_feedback(
    databases: sql.Databases,
    partition: Partition,
    files: Sequence[Path],
    catalogue: Catalogue,
    digest_numbers: Sequence[int] | None,
    needs: Mapping[str, Sequence[str]],
    folder: Path,
) -> Evidence:
    """Count what breaks each expectation of the feedback suite in one partition; raises as `examine` does.

    Nothing of events or consents is in its database. The notices that are held are kept in the partition's folder.
    """
    with databases.empty() as connection:
        shape = reader.view(connection, files, reader.FEEDBACK)
        try:
            return _examine_feedback(connection, partition, shape, catalogue, digest_numbers, needs, folder)
        except sql.QueryError as error:
            if not error.is_of_the_data:
                raise
        raise reader.unreadable()


def _examine_feedback(
    connection: duckdb.DuckDBPyConnection,
    partition: Partition,
    shape: reader.Shape,
    catalogue: Catalogue,
    digest_numbers: Sequence[int] | None,
    needs: Mapping[str, Sequence[str]],
    folder: Path,
) -> Evidence:
    declared = pl.DataFrame({"key": list(catalogue.notices)}, schema={"key": pl.String})
    connection.register("declared_notices", declared)
    sql.view(connection, "judged_feedback")
    sql.table(connection, "repeated_feedback")
    counts = _row(sql.frame(connection, "feedback_counts", day=partition.day))
    landed, duplicate, held, most = (counts.pop(name) or 0 for name in ("landed", "duplicate", "held", "most"))
    counts["recipient_no_account_digest"] = None
    sql.table(connection, "recipients_seen")
    connection.table("recipients_seen").project("recipient AS pseudonym").create_view("persons_seen")
    counts["recipient_not_sequential"] = _row(sql.frame(connection, "near_pseudonyms"))["pseudonym_not_sequential"]
    if digest_numbers is not None:
        connection.register("digest_numbers", _numbers(digest_numbers))
        found = _row(sql.frame(connection, "account_digests"))
        counts["recipient_no_account_digest"] = found["pseudonym_no_account_digest"]
    texts: dict[str, int] = dict(sql.frame(connection, "feedback_texts").iter_rows())
    strange = _strange(connection, reader.FEEDBACK, shape, counts["feedback_values_readable"])
    found, per_detector, passed = _search(texts, shape.names, strange)
    counts |= {f"feedback_{name}": rows for name, rows in found.items()}
    _add_shape(counts, shape, needs, prefix="feedback_")
    sql.table(connection, "held_notices")
    connection.table("held_notices").write_parquet(str(folder / HELD_NOTICES), compression="zstd")
    keys = [("notice", *row) for row in connection.table("held_notices").fetchall()]
    rows = Rows(landed=landed, accepted=landed - duplicate - held, duplicate=duplicate, held=held)
    return Evidence(partition, counts, rows, per_detector, [key for key in keys if key[1] in passed], most=most)


def accepted(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], folder: Path) -> pl.DataFrame:
    """Make the view `accepted` over a partition that was examined into `folder`: the rows to roll up.

    Where no row of it is repeated, held or stripped it is the files themselves: nothing is joined.

    Returns:
        How many rows it has of each `user_type`, `feature` and `action`: `events` (Int64).
    """
    groups = pl.read_parquet(folder / "accepted_groups.parquet")
    reader.view(connection, files, reader.EVENTS)
    kept = {name: connection.read_parquet(str(folder / f"{name}.parquet")) for name in _SET_APART}
    if not any(len(rows) for rows in kept.values()):
        connection.sql(sql.load("untouched").text).create_view("accepted", replace=True)
        return groups
    for name, rows in kept.items():
        rows.create_view(name, replace=True)
    for name in ("landed_once", "accepted"):
        connection.sql(sql.load(name).text).create_view(name, replace=True)
    return groups


def _examine(
    connection: duckdb.DuckDBPyConnection,
    partition: Partition,
    shape: reader.Shape,
    context: Context,
    settings: Settings,
    needs: Mapping[str, Sequence[str]],
    folder: Path,
) -> Evidence:
    skew = settings.consent.skew_seconds
    sql.table(connection, "profile", day=partition.day)
    service = partition.service if context.masked is None else context.masked
    sql.table(connection, "judged_groups", service=service)
    counts: dict[str, int | None] = _row(sql.frame(connection, "group_counts"))
    landed, odd = (counts.pop(name) or 0 for name in ("landed", "odd"))
    first = datetime.combine(partition.day, time.min)
    day = (first, first + timedelta(days=1))
    settled = None if context.intervals is None else _settled(connection, day, skew)
    events, sessions = _number(connection, landed, settled, day if odd else None)
    counts |= sessions.faults | {"event_id_random": events.count - events.random}
    if odd or events.count < landed:
        more = _row(sql.frame(connection, "row_faults", day=partition.day, ids=events.count))
        unread = more.pop("pseudonym_unread") or 0
        counts |= {name: (counts.get(name) or 0) + (count or 0) for name, count in more.items()}
    else:
        unread = 0
        counts |= dict.fromkeys(_VALUE_RULES, 0)
    is_untouched = _look(connection, skew, events.places, sessions.asked).isdisjoint(_SET_APART)
    fates = {"kept": landed} if is_untouched else _row(sql.frame(connection, "fates"))
    counts |= {
        **_row(sql.frame(connection, "row_counts")),
        **_row(sql.frame(connection, "near_pseudonyms")),
        "pseudonym_no_account_digest": None,
    }
    if context.digest_numbers is not None:
        counts |= _row(sql.frame(connection, "account_digests"))
    if context.intervals is None:
        counts |= {"consent_in_force": None, "session_ends_with_consent": None}
    texts: dict[str, int] = dict(sql.frame(connection, "unlisted_texts").iter_rows())
    if context.masked is not None:
        texts.setdefault(context.masked, 1)  # a folder's name is judged whether or not a row says it
    if not re.fullmatch(KEY, service):
        counts["service_is_a_key"] = counts["service_is_a_key"] or 1
    strange = _strange(connection, reader.EVENTS, shape, counts["values_readable"])
    found, per_detector, passed = _search(texts, shape.names, strange)
    counts |= found
    _add_shape(counts, shape, needs)
    sql.table(connection, "accepted_groups")
    for name in _KEPT:
        connection.sql(f"FROM {name}").write_parquet(str(folder / f"{name}.parquet"), compression="lz4")
    kept, held, stripped = (fates.get(name) or 0 for name in ("kept", "held", "stripped"))
    return Evidence(
        partition,
        counts,
        Rows(
            landed=landed,
            accepted=kept - held,
            duplicate=landed - kept,
            held=held,
            stripped=stripped,
        ),
        detectors=per_detector,
        held=_held_keys(sql.frame(connection, "held_keys"), passed),
        most=max(sessions.most, fates.get("copies") or 0, landed if "pseudonym" in shape.unusable else unread),
    )


def _look(
    connection: duckdb.DuckDBPyConnection, skew: int, places: Integers | None, asked: pl.DataFrame | None
) -> set[str]:
    """Run the statements that look for rows; return which of them found one.

    Raises:
        RuntimeError: The rows whose places are known are not there: DuckDB read the files in another order than theirs.
    """
    found = {name for name in _GIVEN if len(connection.table(name))}
    for name, of in _ASKED.items():
        takes = {"skew_seconds": skew} if "skew_seconds" in sql.load(name).parameters else {}
        if any(map(found.isdisjoint, of)):
            sql.empty_table(connection, name, **takes)
            continue
        if name == "event_places" and places is not None:
            _place(connection, places)
        elif name == "asked_rows" and asked is not None:
            connection.register(name, asked)
        else:
            sql.table(connection, name, **takes)
        if len(connection.table(name)):
            found.add(name)
    if places is not None and places.size and _row(sql.frame(connection, "rows_of_numbers"))["found"] != places.size:
        raise RuntimeError("rows did not come in the order of their files")
    return found


def _place(connection: duckdb.DuckDBPyConnection, places: Integers) -> None:
    """Make the table `event_places` of places in the order of all rows."""
    files = sql.frame(connection, "rows_of_files")
    ends = files["row_count"].cum_sum().to_numpy()
    of = np.searchsorted(ends, places, "right")
    first = np.concatenate(([0], ends))[of]
    rows = pl.DataFrame({"file": files["file"].to_numpy()[of], "place": places - first})
    connection.register("placed", rows)
    connection.table("placed").to_table("event_places")


def _settled(connection: duckdb.DuckDBPyConnection, day: tuple[datetime, datetime], skew: int) -> Integers:
    """Return the pseudonyms, sorted, whose consent was in force all day."""
    first, until = day
    settled = sql.frame(connection, "settled_persons", first=first, until=until, skew_seconds=skew)
    return np.sort(settled["pseudonym"].to_numpy())


def _number(
    connection: duckdb.DuckDBPyConnection, landed: int, settled: Integers | None, day: tuple[datetime, datetime] | None
) -> tuple[numbers.Events, numbers.Sessions]:
    """Read the ids as numbers, and make what the statements ask of persons and sessions.

    Where it is not known who is settled, there being no consent log, nobody is asked when their events were.
    """
    for macro in numbers.MACROS:
        connection.execute(macro)
    events, sessions = numbers.events(connection, landed), numbers.sessions(connection, settled, day)
    connection.register("repeated_numbers", pl.DataFrame({"number": events.repeated}))
    connection.register("persons_seen", pl.DataFrame({"pseudonym": sessions.persons}))
    connection.register("person_spans", sessions.spans)
    connection.register("sessions_seen", pl.DataFrame({"number": sessions.seen}))
    connection.register("sharing_persons", pl.DataFrame({"pseudonym": sessions.sharing}))
    connection.register("nobodys_sessions", pl.DataFrame({"number": sessions.of_nobody}))
    return events, sessions


def _register(connection: duckdb.DuckDBPyConnection, day: date, context: Context, catalogue: Catalogue) -> None:
    """Make the views that the statements read beside `landed`."""
    features = list(catalogue.features.values())
    vocabulary = {
        "declared_services": pl.DataFrame({"key": list(catalogue.services)}, schema={"key": pl.String}),
        "declared_user_types": pl.DataFrame({"key": list(catalogue.user_types)}, schema={"key": pl.String}),
        "declared_features": pl.DataFrame(
            {
                "key": [feature.key for feature in features],
                "service": [feature.service for feature in features],
                "actions": [list(feature.actions) for feature in features],
            },
            schema={"key": pl.String, "service": pl.String, "actions": pl.List(pl.String)},
        ),
        "digest_numbers": _numbers(context.digest_numbers or ()),
    }
    for name, frame in vocabulary.items():
        connection.register(name, frame)
    if context.intervals:
        intervals = connection.read_parquet(str(context.intervals))
        if context.erased.days:
            granted = context.erased.in_force(sql.frame(connection, "pseudonyms_seen")["pseudonym"], day)
            intervals = intervals.union(connection.from_arrow(granted.to_arrow()))
        intervals.create_view("intervals")
    else:
        connection.execute(
            "CREATE TEMP TABLE intervals (pseudonym BIGINT, granted_at TIMESTAMP, withdrawn_at TIMESTAMP)"
        )


def _add_shape(
    counts: dict[str, int | None], shape: reader.Shape, needs: Mapping[str, Sequence[str]], prefix: str = ""
) -> None:
    """Add what the files say of their columns; what needs one that cannot be used is not checked."""
    counts |= {
        f"{prefix}no_extra_columns": shape.extra,
        f"{prefix}no_missing_columns": shape.missing,
        f"{prefix}no_mistyped_columns": shape.mistyped,
    }
    counts |= {name: None for name, columns in needs.items() if shape.unusable.intersection(columns)}


def _numbers(numbers: Sequence[int]) -> pl.DataFrame:
    return pl.DataFrame({"number": list(numbers)}, schema={"number": pl.Int64})


def _strange(
    connection: duckdb.DuckDBPyConnection, schema: reader.Schema, shape: reader.Shape, unread: int | None
) -> Iterable[tuple[str, bool, int]]:
    """Return each text that no column of a partition holds, whether it is of an unlisted one, and in how many rows."""
    if not (shape.extra or unread):
        return ()
    connection.view(schema.view).project("unread, unlisted").create_view("strange_lists")
    return sql.frame(connection, "strange_texts").iter_rows()


def _search(
    texts: Mapping[str, int], names: Iterable[str], strange: Iterable[tuple[str, bool, int]]
) -> tuple[dict[str, int], dict[str, int], set[str]]:
    """Let the detectors look at the texts that the catalogue does not know, at unlisted names, and at strange texts.

    Returns:
        Rows (or names) found for each expectation of the detectors, the same for each detector,
        and the texts in which nothing was found.
    """
    known = detectors.detectors()
    by_expectation: dict[str, int] = dict.fromkeys(NAMES_SEARCHED, 0)
    by_detector: dict[str, int] = {}
    passed: set[str] = set()

    def count(found: Iterable[str], rows: int) -> None:
        found = sorted(found)
        for detector in found:
            by_detector[detector] = by_detector.get(detector, 0) + rows
        for expectation in {known[detector].expectation for detector in found}:
            by_expectation[expectation] += rows

    for text, rows in texts.items():
        if found := detectors.detect(text):
            count(found, rows)
        else:
            passed.add(text)
    for name in sorted(names):
        count(detectors.detect_name(name), 1)
    for text, is_unlisted, rows in strange:
        count(detectors.detect(text) if is_unlisted else detectors.detect_misplaced(text), rows)
    return by_expectation, by_detector, passed


def _held_keys(frame: pl.DataFrame, passed: set[str]) -> list[tuple[str, str, int]]:
    """Return what is held, where the held text itself passes every detector or is a key of the catalogue."""
    return [(column, key, rows) for column, key, rows, is_declared in frame.iter_rows() if is_declared or key in passed]


def _row(frame: pl.DataFrame) -> dict[str, int | None]:
    """Return the one row of a statement that counts."""
    if frame.height != 1:
        raise IncompletePartitionError("a count came back without its row", why="nothing was read", hint="run again")
    return {name: None if value is None else int(value) for name, value in frame.row(0, named=True).items()}
