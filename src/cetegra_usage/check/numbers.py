"""Sorted numbers in place of hash tables: proof, of a whole partition, that no id repeats and no session is shared.

Ids are read as numbers of 64 bits, of which sessions take 44 (`MACROS`). Equal ids have equal numbers; where numbers
are equal, by their ids or by chance, the rows themselves are asked, by statements of the room `sql/checks`. So no
answer depends on chance, and in a clean partition little is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cetegra_usage import sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb
    import numpy.typing as npt

    Numbers = npt.NDArray[np.uint64]
    Integers = npt.NDArray[np.int64]

MACROS = (
    "CREATE OR REPLACE TEMP MACRO id_number(id) AS (id::UHUGEINT >> 16 & 18446744073709551615::UHUGEINT)::UBIGINT",
    "CREATE OR REPLACE TEMP MACRO session_number(id) AS id_number(id) & 17592186044415",
)
"""How an id becomes a number: the four bits of its version, and the next sixty. The statements name them."""

EVENTS_AT_ONCE = 1 << 27
_RANK_BITS = 20  # with a session's 44 bits they fill 64: no part has more persons than it has rows
ROWS_AT_ONCE = 1 << _RANK_BITS
_MARKS = 1 << 24  # 16 MiB
_VERSION_AT = np.uint64(60)
_RANDOM = (4, 7)
_TAB = np.uint64(4)
_SMALLEST = 1 << 32
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Events:
    """What the numbers of a partition's event ids say: which may stand twice, how many ids, whether all are random."""

    repeated: Numbers
    count: int
    are_random: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """What the numbers of a partition's sessions say.

    Attributes:
        persons: Each pseudonym, once, sorted.
        spans: `pseudonym`, `first_at` and `last_at` (UTC) of those who are not settled.
        seen: The number of each session, once, sorted.
        sharing: The pseudonyms with a session whose number is another person's too.
    """

    persons: Integers
    spans: pl.DataFrame
    seen: Numbers
    sharing: Integers


def events(connection: duckdb.DuckDBPyConnection, rows: int) -> Events:
    """Sort the event ids of the view `landed`, in as many parts as keep the memory the same whatever its rows.

    Raises:
        QueryError: DuckDB failed.
    """
    repeated: list[Numbers] = []
    count = random = 0
    parts = 1 + rows // EVENTS_AT_ONCE
    room = np.empty(rows // parts + (rows // 64 if parts > 1 else 0), np.uint64)  # no copy is made
    for part in range(parts):
        size = 0
        for batch in sql.batches(connection, "event_numbers", ROWS_AT_ONCE, parts=parts, part=part):
            number = batch.column("number").to_numpy()
            if size + number.size > room.size:  # ids that are not random need not part evenly
                room = np.concatenate([room[:size], np.empty(rows - size, np.uint64)])
            room[size : size + number.size] = number
            size += number.size
        numbers = room[:size]
        numbers.sort()
        count += numbers.size
        for version in _RANDOM:  # sorted: all of a version lie together
            bounds = np.array([version, version + 1], np.uint64) << _VERSION_AT
            random += int(np.diff(np.searchsorted(numbers, bounds))[0])
        repeated.append(_distinct(numbers[1:][numbers[1:] == numbers[:-1]]))
    return Events(_joined(repeated, np.uint64), count, random == count)


def sessions(connection: duckdb.DuckDBPyConnection, settled: Integers | None) -> Sessions | None:
    """Read whose the sessions of the view `landed` are; None where some row breaks a rule of the row.

    Args:
        connection: Where the view is.
        settled: Pseudonyms, sorted, of whom nobody asks when their events were; None where of nobody.

    Raises:
        QueryError: DuckDB failed.
    """
    persons: list[Integers] = []
    spans = [pl.DataFrame(schema={"pseudonym": pl.Int64, "first_at": pl.Datetime("us"), "last_at": pl.Datetime("us")})]
    seen: list[Numbers] = []
    owners: list[Integers] = []
    for rows in _parts(sql.batches(connection, "session_numbers", ROWS_AT_ONCE)):
        if rows["pseudonym"].null_count() or rows["consent"].sum() < rows.height:
            return None
        pseudonym = rows["pseudonym"].to_numpy()
        known = _distinct(np.sort(pseudonym))
        session = rows["session"].drop_nulls().to_numpy()
        if known[0] <= _SMALLEST or (session >> _VERSION_AT != _TAB).any():
            return None
        rank = _ranks(known, pseudonym)
        persons.append(known)
        if settled is not None and (asked := ~_among(settled, known)).any():
            times = rows.select("pseudonym", first_at="at", last_at="at").filter(asked.take(rank, mode="wrap"))
            spans.append(_spans(times))
        if session.size < rank.size:
            rank = rank[rows["session"].is_not_null().to_numpy()]
        pairs = session << np.uint64(_RANK_BITS) | rank.astype(np.uint64)  # the version falls off
        pairs.sort()
        pairs = _distinct(pairs)
        seen.append(pairs >> np.uint64(_RANK_BITS))
        owners.append(known[(pairs & np.uint64((1 << _RANK_BITS) - 1)).astype(np.int64)])
    everybody = _distinct(np.sort(_joined(persons, np.int64)))
    return Sessions(everybody, _spans(pl.concat(spans)), *_seen(seen, owners))


def _parts(batches: Iterable[Any]) -> Iterable[pl.DataFrame]:
    """Gather what comes in pieces into frames of not more than `ROWS_AT_ONCE` rows."""
    waiting: list[pl.DataFrame] = []
    height = 0
    for batch in batches:
        frame = pl.DataFrame(batch)
        if waiting and height + frame.height > ROWS_AT_ONCE:
            yield pl.concat(waiting, rechunk=True)
            waiting, height = [], 0
        waiting.append(frame)
        height += frame.height
    if height:
        yield pl.concat(waiting, rechunk=True)


def _ranks(known: Integers, values: Integers) -> npt.NDArray[np.int32]:
    """Return the place of each value among the known ones, which hold them all: a guess, then a search."""
    bits = max(10, int(known.size).bit_length() + 4)
    guesses = np.zeros(1 << bits, np.int32)
    guesses[_slots(known, bits)] = np.arange(known.size, dtype=np.int32)
    rank = guesses.take(_slots(values, bits), mode="wrap")  # wrap: nothing lies outside, and nothing is asked
    wrong = np.flatnonzero(known.take(rank, mode="wrap") != values)
    rank[wrong] = np.searchsorted(known, values[wrong])
    return rank


def _slots(values: Integers, bits: int) -> npt.NDArray[np.int32]:
    return (values.view(np.uint64) * _MIX >> np.uint64(64 - bits)).astype(np.int32)


def _spans(spans: pl.DataFrame) -> pl.DataFrame:
    """Return from when to when each person's spans reach together."""
    return spans.group_by("pseudonym").agg(pl.col("first_at").min(), pl.col("last_at").max())


def _seen(parts: list[Numbers], owners: list[Integers]) -> tuple[Numbers, Integers]:
    """Return the numbers that are there, and who has one that is somebody else's too, of one part or of two."""
    seen = np.sort(_joined(parts, np.uint64))
    twice = _distinct(seen[1:][seen[1:] == seen[:-1]])
    if not twice.size:
        return seen, np.empty(0, np.int64)
    marks = np.zeros(_MARKS, bool)  # all of those numbers, and some that are there once: they have no equal
    marks[_mark(twice)] = True
    again = [marks.take(_mark(part), mode="wrap") for part in parts]
    number, owner = (np.concatenate([of[here] for of, here in zip(own, again, strict=True)]) for own in (parts, owners))
    order = np.argsort(number)
    number, owner = number[order], owner[order]
    of_two = number[1:][(number[1:] == number[:-1]) & (owner[1:] != owner[:-1])]
    return _distinct(seen), _distinct(np.sort(owner[_among(of_two, number)]))


def _mark(numbers: Numbers) -> Integers:
    return (numbers & np.uint64(_MARKS - 1)).view(np.int64)


def _among(known: Any, values: Any) -> npt.NDArray[np.bool_]:
    """Return of each value whether it is one of those known, which are sorted."""
    return (
        known.take(np.searchsorted(known, values), mode="clip") == values if known.size else np.zeros(values.size, bool)
    )


def _distinct(values: Any) -> Any:
    """Return sorted values, each once."""
    return values[_begins(values)] if values.size else values


def _begins(values: Any) -> Any:
    """Return of each of the sorted values whether it is the first of its kind."""
    return np.concatenate(([True], values[1:] != values[:-1]))


def _joined(parts: list[Any], kind: type) -> Any:
    return np.concatenate([np.empty(0, kind), *parts])
