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

from cetegra_usage import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    import duckdb
    import numpy.typing as npt

    Numbers = npt.NDArray[np.uint64]
    Integers = npt.NDArray[np.int64]

MACROS = (
    "CREATE OR REPLACE TEMP MACRO id_number(id) AS (id::UHUGEINT >> 16 & 18446744073709551615::UHUGEINT)::UBIGINT",
)
"""How an id becomes a number: the four bits of its version, and the next sixty. The statements name it."""

EVENTS_AT_ONCE = 1 << 27
EVENTS_KEPT = 1 << 24  # in their order as well: 128 MB
ROWS_AT_ONCE = 1 << 20  # no part has more persons than it has rows
ASKED_KEPT = 1 << 21  # 32 MB
_VERSION_AT = np.uint64(60)
_VERSION_BITS = np.uint64(4)
_FIXED_BITS, _RANDOM_BITS = np.uint64(18), np.uint64(46)  # the variant lies among the first eighteen
_RANKS = np.uint64(ROWS_AT_ONCE - 1)
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
_NOBODYS = "rows with a session of nobody"
_AGES = 10**17  # microseconds: three thousand years
_SPANS = {"pseudonym": pl.Int64(), "first_at": pl.Int64(), "last_at": pl.Int64()}
_ASKED = {"pseudonym": pl.Int64(), "occurred_at": pl.Int64()}
_MORE_BITS, _STEPS = 2, 3


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
    """Rows of a partition: whose, in which session, and when (microseconds UTC)."""

    pseudonym: Integers
    session: Numbers
    has_session: npt.NDArray[np.bool_]
    at: pl.Series


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
    faults: dict[str, int] = dict.fromkeys((*_RULES, _NOBODYS), 0)
    persons: list[Integers] = []
    spans = [pl.DataFrame(schema=_SPANS)]
    asked = [pl.DataFrame(schema=_ASKED)]
    seen: list[Numbers] = []
    owners: list[Integers] = []
    sharing: list[Integers] = []
    of_nobody: list[Numbers] = []
    most = size = 0
    for part in _parts(sql.batches(connection, "session_numbers", ROWS_AT_ONCE), faults, of_nobody):
        known = _sorted(part.pseudonym)
        if known[0] <= _SMALLEST:
            faults["pseudonym_in_range"] += int(np.count_nonzero(part.pseudonym <= _SMALLEST))
        rank = _ranks(known, part.pseudonym)
        most += int(np.bincount(rank).max())
        persons.append(known)
        if settled is not None:
            is_asked = (~_among(settled, known)).take(rank, mode="wrap")
            rows = _rows(part, is_asked)
            spans.append(_spans(rows.select("pseudonym", first_at="occurred_at", last_at="occurred_at")))
            if day is not None:
                is_outside = _are_outside(part.at, *day)
                spans.append(_outside(part, is_outside, *day))
                rows = _rows(part, is_asked | is_outside)
            asked.append(rows)
            size += rows.height
            if size > ASKED_KEPT:
                asked.clear()
        session = part.session[part.has_session]
        faults["session_id_random"] += _not_tabs(session)
        number, owner, shared = _owned(session, rank[part.has_session])
        seen.append(number)
        owners.append(known[owner])
        sharing.append(known[_sorted(shared)])
    everybody = _sorted(_joined(persons, np.int64))
    times = _spans(pl.concat(spans)).cast({"first_at": pl.Datetime("us"), "last_at": pl.Datetime("us")})
    kept = pl.concat(asked).cast({"occurred_at": pl.Datetime("us")}) if size <= ASKED_KEPT else None
    number, owner, nobodys = _joined(seen, np.uint64), _joined(owners, np.int64), _joined(of_nobody, np.uint64)
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
    return Sessions(everybody, times, kept, number, shared, of_both, faults, max(most, faults.pop(_NOBODYS)))


def _parts(batches: Iterable[Any], faults: dict[str, int], of_nobody: list[Numbers]) -> Iterator[_Part]:
    """Gather what comes in pieces into parts of `ROWS_AT_ONCE` rows, in room that the next takes again.

    Where a part ends hangs on the rows alone, not on the pieces: these are others with another number of threads.

    Args:
        batches: What the statement `session_numbers` returns.
        faults: Rows that break a rule of consent are added to it.
        of_nobody: Sessions of rows without a pseudonym are added to it: such rows are in no part.
    """
    pseudonym, session = np.empty(ROWS_AT_ONCE, np.int64), np.empty(ROWS_AT_ONCE, np.uint64)
    has_session, at, size = np.empty(ROWS_AT_ONCE, np.bool_), list[pl.Series](), 0
    for landed in batches:
        batch = _of_somebody(landed, faults, of_nobody)
        rows, taken = pl.DataFrame(batch), 0
        if not rows.height:
            continue
        whose, (of, has_one) = rows["pseudonym"].to_numpy(), _as_they_lie(batch.column("session"))
        while taken < rows.height:
            count = min(rows.height - taken, ROWS_AT_ONCE - size)
            here, until = slice(size, size + count), taken + count
            pseudonym[here], session[here], has_session[here] = (column[taken:until] for column in (whose, of, has_one))
            at.append(rows["at"][taken:until])
            size, taken = here.stop, until
            if size == ROWS_AT_ONCE:
                yield _Part(pseudonym, session, has_session, pl.concat(at, rechunk=False))
                at, size = [], 0
    if size:
        yield _Part(pseudonym[:size], session[:size], has_session[:size], pl.concat(at, rechunk=False))


def _of_somebody(batch: Any, faults: dict[str, int], of_nobody: list[Numbers]) -> Any:
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
        faults[name] += count
    nobodys = rows.filter(~has_pseudonym & has_session)["session"].to_numpy()
    faults[_NOBODYS] += nobodys.size
    faults["session_id_random"] += _not_tabs(nobodys)
    of_nobody.append(_sorted(nobodys))
    return batch.filter(batch.column("pseudonym").is_valid())


def _not_tabs(session: Numbers) -> int:
    """Return of how many sessions the id is not a random one."""
    return int(np.count_nonzero(session >> _VERSION_AT != _TAB))


def _rows(part: _Part, is_asked: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """Return some of a part's rows: whose, and when."""
    at = part.at.filter(pl.Series(is_asked))
    return pl.DataFrame({"pseudonym": part.pseudonym[is_asked], "occurred_at": at}, schema=_ASKED)


def _microseconds(first: datetime, until: datetime) -> tuple[int, int]:
    begin, end = pl.Series([first, until], dtype=pl.Datetime("us")).cast(pl.Int64)
    return begin, end


def _are_outside(at: pl.Series, first: datetime, until: datetime) -> npt.NDArray[np.bool_]:
    """Return which times lie outside the day; those that are missing do."""
    return (~at.is_between(*_microseconds(first, until), closed="left").fill_null(value=False)).to_numpy()


def _outside(part: _Part, is_outside: npt.NDArray[np.bool_], first: datetime, until: datetime) -> pl.DataFrame:
    """Return, of those with an event outside the day, or at no time, a span that holds that and the day itself."""
    begin, end = _microseconds(first, until)
    at = part.at.filter(pl.Series(is_outside))
    spans = {
        "pseudonym": part.pseudonym[is_outside],
        "first_at": at.fill_null(begin - _AGES).clip(upper_bound=begin),
        "last_at": at.fill_null(end + _AGES).clip(lower_bound=end - 1),
    }
    return _spans(pl.DataFrame(spans, schema=_SPANS))


def _as_they_lie(column: Any) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Return an Arrow column's values, anything where they are null, and which are not."""
    size, offset = len(column), column.offset
    valid, values = column.buffers()
    bits = np.frombuffer(valid, np.uint8) if valid else np.full(-(-(size + offset) // 8), 255, np.uint8)
    is_there = np.unpackbits(bits, count=size + offset, bitorder="little").view(np.bool_)
    return np.frombuffer(values, np.uint64, size + offset)[offset:], is_there[offset:]


def _ranks(known: Integers, values: Integers) -> npt.NDArray[np.int32]:
    """Return the place of each value among the known ones, sorted, which hold them all: a guess, some steps, a search.

    The guess is the first place of those that share its leading bits: of random numbers hardly one lies much further.
    """
    low, span = known[0], int(known[-1]) - int(known[0])
    shift = np.uint64(max(0, span.bit_length() - known.size.bit_length() - _MORE_BITS))

    def slots(of: Integers) -> npt.NDArray[np.int32]:
        return ((of - low).view(np.uint64) >> shift).astype(np.int32)

    firsts = np.zeros((span >> int(shift)) + 1, np.int32)
    firsts[slots(known[::-1])] = np.arange(known.size - 1, -1, -1, dtype=np.int32)  # the last that is written stays
    rank = firsts.take(slots(values), mode="wrap")  # wrap: nothing lies outside, and nothing is asked
    wrong = np.flatnonzero(known.take(rank, mode="wrap") != values)
    for _ in range(_STEPS):
        following = rank[wrong] + 1
        rank[wrong] = following
        wrong = wrong[known.take(following, mode="wrap") != values[wrong]]
    rank[wrong] = np.searchsorted(known, values[wrong])
    return rank


def _spans(spans: pl.DataFrame) -> pl.DataFrame:
    """Return from when to when each person's spans reach together."""
    return spans.group_by("pseudonym").agg(pl.col("first_at").min(), pl.col("last_at").max())


def _owned(session: Numbers, rank: npt.NDArray[np.int32]) -> tuple[Numbers, Integers, Integers]:
    """Return a part's sessions, each once, whose each is, and who has one that is somebody else's too.

    One sort of the numbers, another of 44 of their bits with the person's rank: both are in the order of those bits.
    """
    turned = session << _FIXED_BITS | session >> _RANDOM_BITS
    pairs = turned & ~_RANKS | rank.view(np.uint32)
    pairs.sort()
    pairs = _distinct(pairs)
    first, owner = pairs & ~_RANKS, (pairs & _RANKS).view(np.int64)
    number = _sorted(turned)
    shared = owner[:0]
    own = number & ~_RANKS
    if first.size != number.size or (first[1:] == first[:-1]).any():
        alike = _sorted(np.concatenate([of[1:][of[1:] == of[:-1]] for of in (first, own)]))
        owner = owner[np.searchsorted(first, own)]
        here = _among(alike, turned & ~_RANKS)
        one, of = _by_number(turned[here], rank[here])
        owner[np.searchsorted(number, one)] = of
        shared = of[_is_of_two(one, of)]
    return number >> _FIXED_BITS | number << _RANDOM_BITS, owner, shared


def _of_two(number: Numbers, owner: Integers) -> Integers:
    """Return who has a number that is somebody else's too: one sort of its first bits, with its place in the rest."""
    bits = np.uint64(number.size.bit_length())
    places = (np.uint64(1) << bits) - np.uint64(1)
    order = number << _VERSION_BITS & ~places | np.arange(number.size, dtype=np.uint64)
    order.sort()
    place = (order & places).view(np.int64)
    order >>= bits
    whose = owner.take(place)
    near = _distinct(order[1:][(order[1:] == order[:-1]) & (whose[1:] != whose[:-1])])
    here = np.concatenate([place[:0], *(place[slice(*bounds)] for bounds in _bounds(order, near))])
    one, of = _by_number(number[here], owner[here])
    return of[_is_of_two(one, of)]


def _by_number(number: Numbers, owner: Any) -> tuple[Numbers, Any]:
    order = np.argsort(number)
    return number[order], owner[order]


def _is_of_two(number: Numbers, owner: Any) -> npt.NDArray[np.bool_]:
    """Return of each of the sorted numbers whether two own it."""
    return _among(number[1:][(number[1:] == number[:-1]) & (owner[1:] != owner[:-1])], number)


def _bounds(values: Any, known: Any) -> Iterator[tuple[int, int]]:
    """Return between which places each of those known lies among the sorted values."""
    return zip(*(np.searchsorted(values, known, side).tolist() for side in ("left", "right")), strict=True)


def _among(known: Any, values: Any) -> npt.NDArray[np.bool_]:
    """Return of each value whether it is one of those known, which are sorted."""
    return (
        known.take(np.searchsorted(known, values), mode="clip") == values if known.size else np.zeros(values.size, bool)
    )


def _sorted(values: Any) -> Any:
    """Return values in their order, each once."""
    return _distinct(np.sort(values))


def _distinct(values: Any) -> Any:
    """Return sorted values, each once."""
    return values[np.concatenate(([True], values[1:] != values[:-1]))] if values.size else values


def _joined(parts: list[Any], kind: type) -> Any:
    """Return the parts as one, and leave none behind: of a hundred million rows each is much."""
    joined = np.concatenate([np.empty(0, kind), *parts])
    parts.clear()
    return joined
