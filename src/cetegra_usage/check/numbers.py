"""Sorted numbers in place of hash tables: proof, of a whole partition, that no id repeats and no session is shared.

Ids are read as numbers of 64 bits (`MACROS`). Equal ids have equal numbers; where numbers are equal, by their ids or by
chance, the rows themselves are asked, by statements of the room `sql/checks`. So no answer depends on chance, and in a
clean partition little is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cetegra_usage import grouped, sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    import duckdb
    import numpy.typing as npt

    Numbers = npt.NDArray[np.uint64]
    Integers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

MACROS = (
    "CREATE OR REPLACE TEMP MACRO id_number(id) AS (id::UHUGEINT >> 16 & 18446744073709551615::UHUGEINT)::UBIGINT",
)
"""How an id becomes a number: the four bits of its version, and the next sixty. The statements name it."""

EVENTS_AT_ONCE = 1 << 27
EVENTS_KEPT = 1 << 24  # in their order as well: 128 MB
ROWS_AT_ONCE = 1 << 20
ASKED_KEPT = 1 << 21  # 32 MB
_VERSION_AT = np.uint64(60)
_VERSION_BITS = np.uint64(4)
_FIXED_BITS, _RANDOM_BITS = np.uint64(18), np.uint64(46)  # the variant lies among the first eighteen
_PLACES = np.uint64(ROWS_AT_ONCE - 1)
_RANDOM = (4, 7)
_TAB = np.uint64(4)
_SMALLEST = 1 << 32
_LAST_BITS = np.uint64((1 << 16) - 1)
_RULES = (
    "no_pseudonym_without_consent",
    "pseudonym_with_consent",
    "pseudonym_in_range",
    "session_only_with_consent",
    "session_id_random",
)
_AGES = 10**17  # microseconds: three thousand years
_SPANS = {"pseudonym": pl.Int64(), "first_at": pl.Int64(), "last_at": pl.Int64()}
_ASKED = {"pseudonym": pl.Int64(), "occurred_at": pl.Int64()}


@dataclass(frozen=True, slots=True)
class Events:
    """What the numbers of a partition's event ids say.

    Attributes:
        repeated: Those that may stand twice, sorted.
        count: How many ids there are.
        random: How many of them are random ones.
        places: Where the repeated stand in the order of all rows; None where that is left to the rows themselves.
    """

    repeated: Numbers
    count: int
    random: int
    places: Integers | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """What the numbers of a partition's sessions say.

    Attributes:
        persons: Each pseudonym, once, sorted.
        spans: `pseudonym`, `first_at` and `last_at` (UTC): between which times their events are, of those who are
            not settled.
        asked: `pseudonym` and `occurred_at` (UTC) of each event of which that is asked; None of more than `ASKED_KEPT`.
        seen: The number of each session, once, sorted.
        sharing: The pseudonyms with a session whose number is another person's too, or nobody's.
        of_nobody: The numbers of those that rows without a pseudonym have too, sorted.
        faults: How many rows break each of the rules of ids and consent that a single row can break.
        most: How many rows one person has at most: the most in each part, added up, or all with a session of nobody.
    """

    persons: Integers
    spans: pl.DataFrame
    asked: pl.DataFrame | None
    seen: Numbers
    sharing: Integers
    of_nobody: Numbers
    faults: dict[str, int]
    most: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a partition: whose, in which session, and when (microseconds UTC).

    `session` is the pseudonym where there is no session.
    """

    pseudonym: Integers
    session: Numbers
    has_session: Flags
    at: pl.Series


@dataclass(frozen=True, slots=True)
class _Runs:
    """A part's rows, brought together: those of one session and person are one run, or few.

    Attributes:
        place: Where each row stands in the part.
        first: Where each run begins among those places.
        owner: Whose it is.
        session: Of which session, as in the part.
        has_session: Whether it is of one.
    """

    place: Integers
    first: Integers
    owner: Integers
    session: Numbers
    has_session: Flags


@dataclass(slots=True)
class _Beside:
    """What is seen of rows where they are read, before those without a pseudonym are left out.

    Attributes:
        faults: How many break each rule.
        nobodys: The sessions of those without a pseudonym.
        nobodys_rows: How many have one.
    """

    faults: dict[str, int]
    nobodys: list[Numbers]
    nobodys_rows: int = 0


class _Times:
    """When the events were of those of whom that is asked: rows, up to `ASKED_KEPT` of them, and spans."""

    def __init__(self) -> None:
        self._spans: list[pl.DataFrame] = []
        self._rows: list[pl.DataFrame] = []
        self._size = 0

    def add(self, part: _Part, places: Integers, day: tuple[datetime, datetime] | None) -> None:
        """Add rows at some places of a part, and those that lie outside the day."""
        is_asked = np.zeros(part.pseudonym.size, np.bool_)
        is_asked[places] = True
        if day is not None:
            is_outside = _are_outside(part.at, *day)
            self._spans.append(_outside(part, is_outside, *day))
            is_asked |= is_outside
        self._rows.append(_rows(part, is_asked))
        self._size += self._rows[-1].height
        if self._size > ASKED_KEPT:
            self._spans.append(_spans(_as_spans(pl.concat(self._rows))))
            self._rows.clear()

    def found(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """Return the spans of all persons, and the rows unless they were too many."""
        rows = pl.concat([pl.DataFrame(schema=_ASKED), *self._rows])
        spans = _spans(pl.concat([*self._spans, _as_spans(rows)]))
        spans = spans.cast({"first_at": pl.Datetime("us"), "last_at": pl.Datetime("us")})
        return spans, rows.cast({"occurred_at": pl.Datetime("us")}) if self._size <= ASKED_KEPT else None


def events(connection: duckdb.DuckDBPyConnection, rows: int) -> Events:
    """Sort the event ids of the view `landed`, in as many parts as keep the memory the same whatever its rows.

    Raises:
        QueryError: DuckDB failed.
    """
    repeated: list[Numbers] = []
    in_order: list[Numbers] = []
    count = random = 0
    parts = 1 + rows // EVENTS_AT_ONCE
    is_kept = parts == 1 and rows <= EVENTS_KEPT
    room = np.empty(rows // parts + (rows // 64 if parts > 1 else 0), np.uint64)  # no copy is made
    for part in range(parts):
        size = 0
        for batch in sql.batches(connection, "event_numbers", ROWS_AT_ONCE, parts=parts, part=part):
            number = batch.column("number").to_numpy()
            if is_kept:
                in_order.append(number)
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
    twice = _joined(repeated, np.uint64)
    return Events(twice, count, random, _places(in_order, twice) if is_kept and count == rows else None)


def _places(in_order: Sequence[Numbers], sought: Numbers) -> Integers:
    """Return where the numbers sought, sorted, stand: a look at the last bits of all, and a search of what is left."""
    places, first = [np.empty(0, np.int64)], 0
    is_near = np.zeros(int(_LAST_BITS) + 1, bool)
    is_near[sought & _LAST_BITS] = True
    for numbers in in_order if sought.size else ():
        near = np.flatnonzero(is_near.take(numbers & _LAST_BITS))
        places.append(first + near[_among(sought, numbers[near])])
        first += numbers.size
    return np.concatenate(places)


def sessions(
    connection: duckdb.DuckDBPyConnection, settled: Integers | None, day: tuple[datetime, datetime] | None
) -> Sessions:
    """Read whose the sessions of the view `landed` are.

    Args:
        connection: Where the view is.
        settled: Pseudonyms, sorted, of whom nobody asks when in the day their events were; None where of nobody.
        day: When it begins and ends (UTC, without a zone); None where no row lies outside it.

    Raises:
        QueryError: DuckDB failed.
    """
    beside = _Beside(dict.fromkeys(_RULES, 0), [])
    persons: list[Integers] = []
    times = _Times()
    seen: list[Numbers] = []
    owners: list[Integers] = []
    sharing: list[Integers] = []
    most = 0
    for part in _parts(sql.batches(connection, "session_numbers", ROWS_AT_ONCE), beside):
        runs = _runs(part)
        order = np.argsort(runs.owner)
        known, starts = grouped.runs(runs.owner[order])
        persons.append(known)
        count = np.diff(runs.first, append=runs.place.size)
        most += int(np.add.reduceat(count[order], starts).max())
        beside.faults["pseudonym_in_range"] += int(count[runs.owner <= _SMALLEST].sum())
        beside.faults["session_id_random"] += int(count[runs.has_session & _are_no_tabs(runs.session)].sum())
        if settled is not None:
            of_asked = order[_of_groups(starts, order.size, ~_among(settled, known))]
            times.add(part, runs.place[_of_groups(runs.first, runs.place.size, of_asked)], day)
        one, owner = runs.session[runs.has_session], runs.owner[runs.has_session]
        again = np.flatnonzero(one[1:] == one[:-1]) + 1  # in a run before, of somebody else
        sharing += [_sorted(owner[again]), _sorted(owner[again - 1])]
        seen.append(np.delete(one, again))
        owners.append(np.delete(owner, again))
    everybody = _sorted(_joined(persons, np.int64))
    spans, asked = times.found()
    number, owner, nobodys = _joined(seen, np.uint64), _joined(owners, np.int64), _joined(beside.nobodys, np.uint64)
    sharing.append(_of_two(number, owner))
    if nobodys.size:
        nobodys = _sorted(nobodys)
        sharing.append(owner[_among(nobodys, number)])
    number.sort()
    number = _distinct(number)
    shared = _sorted(_joined(sharing, np.int64))
    of_both = nobodys[_among(number, nobodys)]
    if of_both.size < nobodys.size:
        number = _sorted(np.concatenate([number, nobodys]))
    return Sessions(everybody, spans, asked, number, shared, of_both, beside.faults, max(most, beside.nobodys_rows))


def _parts(batches: Iterable[Any], beside: _Beside) -> Iterator[_Part]:
    """Gather what comes in pieces into parts of `ROWS_AT_ONCE` rows, in room that the next takes again.

    Where a part ends hangs on the rows alone, not on the pieces: these are others with another number of threads.

    Args:
        batches: What the statement `session_numbers` returns.
        beside: What is seen of the rows is added to it; those without a pseudonym are in no part.
    """
    pseudonym, session = np.empty(ROWS_AT_ONCE, np.int64), np.empty(ROWS_AT_ONCE, np.uint64)
    has_session, at, size = np.empty(ROWS_AT_ONCE, np.bool_), list[pl.Series](), 0
    for landed in batches:
        batch = _of_somebody(landed, beside)
        rows, taken = pl.DataFrame(batch), 0
        if not rows.height:
            continue
        whose, (of, has_one) = rows["pseudonym"].to_numpy(), _as_they_lie(batch.column("session"))
        while taken < rows.height:
            count = min(rows.height - taken, ROWS_AT_ONCE - size)
            here, until = slice(size, size + count), taken + count
            pseudonym[here], session[here], has_session[here] = (column[taken:until] for column in (whose, of, has_one))
            np.copyto(session[here], whose[taken:until].view(np.uint64), where=~has_session[here])
            at.append(rows["at"][taken:until])
            size, taken = here.stop, until
            if size == ROWS_AT_ONCE:
                yield _Part(pseudonym, session, has_session, pl.concat(at, rechunk=False))
                at, size = [], 0
    if size:
        yield _Part(pseudonym[:size], session[:size], has_session[:size], pl.concat(at, rechunk=False))


def _of_somebody(batch: Any, beside: _Beside) -> Any:
    """Return the rows that have a pseudonym; count those that break a rule of consent, and keep nobody's sessions."""
    rows = pl.DataFrame(batch)
    if not rows["pseudonym"].null_count() and rows["consent"].sum() == rows.height:
        return batch
    consented, refused = pl.col("consent") == 1, pl.col("consent") == 0
    has_pseudonym, has_session = pl.col("pseudonym").is_not_null(), pl.col("session").is_not_null()
    counted = rows.select(
        no_pseudonym_without_consent=(refused & has_pseudonym).sum(),
        pseudonym_with_consent=(consented & ~has_pseudonym).sum(),
        session_only_with_consent=(refused & has_session).sum(),
    )
    for name, count in counted.row(0, named=True).items():
        beside.faults[name] += count
    nobodys = rows.filter(~has_pseudonym & has_session)["session"].to_numpy()
    beside.nobodys_rows += nobodys.size
    beside.faults["session_id_random"] += int(np.count_nonzero(_are_no_tabs(nobodys)))
    beside.nobodys.append(_sorted(nobodys))
    return batch.filter(batch.column("pseudonym").is_valid())


def _are_no_tabs(session: Numbers) -> Flags:
    """Return of which sessions the id is not a random one."""
    return session >> _VERSION_AT != _TAB


def _rows(part: _Part, is_asked: Flags) -> pl.DataFrame:
    """Return some of a part's rows: whose, and when."""
    at = part.at.filter(pl.Series(is_asked))
    return pl.DataFrame({"pseudonym": part.pseudonym[is_asked], "occurred_at": at}, schema=_ASKED)


def _microseconds(first: datetime, until: datetime) -> tuple[int, int]:
    begin, end = pl.Series([first, until], dtype=pl.Datetime("us")).cast(pl.Int64)
    return begin, end


def _are_outside(at: pl.Series, first: datetime, until: datetime) -> Flags:
    """Return which times lie outside the day; those that are missing do."""
    return (~at.is_between(*_microseconds(first, until), closed="left").fill_null(value=False)).to_numpy()


def _outside(part: _Part, is_outside: Flags, first: datetime, until: datetime) -> pl.DataFrame:
    """Return, of those with an event outside the day, or at no time, a span that holds that and the day itself."""
    begin, end = _microseconds(first, until)
    at = part.at.filter(pl.Series(is_outside))
    spans = {
        "pseudonym": part.pseudonym[is_outside],
        "first_at": at.fill_null(begin - _AGES).clip(upper_bound=begin),
        "last_at": at.fill_null(end + _AGES).clip(lower_bound=end - 1),
    }
    return _spans(pl.DataFrame(spans, schema=_SPANS))


def _as_they_lie(column: Any) -> tuple[Numbers, Flags]:
    """Return an Arrow column's values, anything where they are null, and which are not."""
    size, offset = len(column), column.offset
    valid, values = column.buffers()
    bits = np.frombuffer(valid, np.uint8) if valid else np.full(-(-(size + offset) // 8), 255, np.uint8)
    is_there = np.unpackbits(bits, count=size + offset, bitorder="little").view(np.bool_)
    return np.frombuffer(values, np.uint64, size + offset)[offset:], is_there[offset:]


def _runs(part: _Part) -> _Runs:
    """Bring together the rows of each session, by one sort of 44 of its bits with the row's place.

    Sessions that share those bits by chance lie among one another: of such there are more runs than there need be.
    """
    turned = part.session << _FIXED_BITS | part.session >> _RANDOM_BITS
    order = turned & ~_PLACES | np.arange(turned.size, dtype=np.uint64)
    order.sort()
    place = (order & _PLACES).view(np.int64)
    columns: list[Any] = [part.session, part.pseudonym, part.has_session]
    columns = [column.take(place, mode="clip") for column in columns]
    first = np.flatnonzero(np.logical_or.reduce([grouped.changes(column) for column in columns]))
    session, owner, has_session = (column[first] for column in columns)
    return _Runs(place, first, owner, session, has_session)


def _of_groups(first: Integers, size: int, chosen: Any) -> Integers:
    """Return what is in some of the groups that begin at these places among so many."""
    start, end = first[chosen], np.append(first[1:], size)[chosen]
    count = end - start
    return np.repeat(end - np.cumsum(count), count) + np.arange(count.sum())


def _as_spans(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as spans, each of one instant."""
    return rows.select("pseudonym", first_at="occurred_at", last_at="occurred_at")


def _spans(spans: pl.DataFrame) -> pl.DataFrame:
    """Return from when to when each person's spans reach together."""
    return spans.group_by("pseudonym").agg(pl.col("first_at").min(), pl.col("last_at").max())


def _of_two(number: Numbers, owner: Integers) -> Integers:
    """Return who has a number that is somebody else's too: one sort of its first bits, with its place in the rest.

    Of what memory holds beside it little is new: pages that are touched for the first time are what costs.
    """
    places = (np.uint64(1) << np.uint64(number.size.bit_length())) - np.uint64(1)
    order = np.arange(number.size, dtype=np.uint64)
    parts = [slice(first, first + ROWS_AT_ONCE) for first in range(0, number.size, ROWS_AT_ONCE)]
    for here in parts:
        order[here] |= number[here] << _VERSION_BITS & ~places
    order.sort()
    near = [order[:0]]
    for here in parts:
        some = order[here.start : here.stop + 1]
        bits, whose = some & ~places, owner.take((some & places).view(np.int64))
        near.append(bits[1:][(bits[1:] == bits[:-1]) & (whose[1:] != whose[:-1])])
    firsts = _distinct(np.concatenate(near))
    bounds = np.searchsorted(order, firsts).tolist(), np.searchsorted(order, firsts | places, "right").tolist()
    here = np.concatenate([order[:0], *(order[start:end] for start, end in zip(*bounds, strict=True))]) & places
    one, of = number[here], owner[here]
    by_number = np.argsort(one)
    one, of = one[by_number], of[by_number]
    return of[_among(one[1:][(one[1:] == one[:-1]) & (of[1:] != of[:-1])], one)]


def _among(known: Any, values: Any) -> Flags:
    """Return of each value whether it is one of those known, which are sorted."""
    return (
        known.take(np.searchsorted(known, values), mode="clip") == values if known.size else np.zeros(values.size, bool)
    )


def _sorted(values: Any) -> Any:
    """Return values in their order, each once."""
    return _distinct(np.sort(values))


def _distinct(values: Any) -> Any:
    """Return sorted values, each once."""
    return values[grouped.changes(values)]


def _joined(parts: list[Any], kind: type) -> Any:
    """Return the parts as one, and leave none behind: of a hundred million rows each is much."""
    joined = np.concatenate([np.empty(0, kind), *parts])
    parts.clear()
    return joined
