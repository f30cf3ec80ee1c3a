"""One bucket of identified rows -> `use`, `persons`, `sessions`, `steps` and `marks`, from one sort.

What each table holds is said by the statement of its name in `sql/rollups`; a test holds both against each other on
any rows. Here the rows are brought into one order, and everything else is where something changes from row to row:
a third of the cost of hash tables and windows (see `docs/performance.md`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cetegra_usage.grouped import changes, runs
from cetegra_usage.rollup import columns
from cetegra_usage.rollup.rows import ACTIONS, Words

if TYPE_CHECKING:
    from datetime import date

    from cetegra_usage.rollup.rows import Column, Rows

_PERSON_BITS, _SESSION_BITS, _MOMENT_BITS = 21, 16, 27
_COUNTS = ("opens", "navigations", "submits", "orders")
_OPEN, _NAVIGATE = ACTIONS.index("open"), ACTIONS.index("navigate")


def tables(rows: Rows, words: Words, day: date) -> dict[str, Any]:
    """Return the tables of one bucket, each in its order.

    Args:
        rows: All identified rows of the bucket, in any order.
        words: What the numbers of user types and features stand for.
        day: The partition's day.
    """
    if not words.features:  # an empty partition: what is divided by is not 0
        words = Words(("",), ("",))
    rows, places = in_order(rows)
    is_new_person = changes(rows.pseudonym)
    return _of_persons(rows, places, is_new_person, words, day) | _of_sessions(rows, is_new_person, words, day)


def in_order(rows: Rows) -> tuple[Rows, Column]:
    """Return rows by pseudonym, session_id, moment and event_id (ids as unsigned bytes), and where they were before.

    All columns are moved but `event`: a row's event_id stands where the row was before.

    The sort is one of 64-bit numbers made of the first bits of the first three. Where their last bits or an event_id
    matter (a person in a few hundred), the rows of those persons are sorted again by everything.
    """
    lowest = int(rows.pseudonym.min(initial=np.iinfo(np.int64).max))
    above = rows.pseudonym - lowest
    top = above >> max(0, int(above.max(initial=0)).bit_length() - _PERSON_BITS)
    first_of_session = (rows.session[:, 0] >> (64 - _SESSION_BITS)).astype(np.int64)
    key = (top << (_SESSION_BITS + _MOMENT_BITS)) | (first_of_session << _MOMENT_BITS) | (rows.moment >> 10)
    order = np.argsort(key.view(np.uint64))
    rows, group = rows.take(order), top.take(order)
    doubtful = _doubtful(rows)
    if doubtful.any():
        number = _numbers(changes(group))
        hit = np.zeros(number[-1] + 1, bool)
        hit[number[1:][doubtful]] = True
        again = np.flatnonzero(hit[number])
        some, events = rows.take(again), rows.event[order[again]].astype(np.uint64)
        exact = np.lexsort((*events.T[::-1], some.moment, *some.session.T[::-1], some.pseudonym))
        order[again] = order[again[exact]]
        for column, moved in zip(rows.moved(), some.take(exact).moved(), strict=True):
            column[again] = moved
    return rows, order


def _doubtful(rows: Rows) -> Column:
    """Return where a row may not belong after the one before it: it sorts before it, or only event_id tells."""
    person, moment, code, (first, second) = rows.pseudonym, rows.moment, rows.code, rows.session.T
    is_tied = (moment[:-1] == moment[1:]) & (code[:-1] != code[1:])
    wrong = (moment[:-1] > moment[1:]) | is_tied
    for half in (second, first, person):
        wrong = (half[:-1] > half[1:]) | ((half[:-1] == half[1:]) & wrong)
    return wrong


def _of_persons(rows: Rows, places: Column, is_new: Column, words: Words, day: date) -> dict[str, Any]:
    features = len(words.features)
    person, pseudonyms = _numbers(is_new), rows.pseudonym[is_new]
    used, starts = runs(np.sort(person * (len(words.user_types) * features * 4) + rows.code))
    is_new_use = changes(used >> 2)
    by_action = np.zeros((np.count_nonzero(is_new_use), 4), np.int32)
    by_action[_numbers(is_new_use), used & 3] = np.diff(starts, append=len(rows.code))
    use = used[is_new_use] >> 2
    use_types = use // features
    whose, user_type = np.divmod(use_types, len(words.user_types))

    starts, ends = _bounds(changes(whose))
    types = user_type[starts]
    of_more = np.flatnonzero((types != user_type[ends])[person])  # of those with more than one type, the latest counts
    events = rows.event[places[of_more]].astype(np.uint64)
    latest = of_more[np.lexsort((*events.T[::-1], rows.moment[of_more], person[of_more]))]
    latest = latest[_bounds(changes(person[latest]))[1]]
    types[person[latest]] = rows.code[latest] // (4 * features)
    return {
        "use": pa.table(
            {
                "day": columns.days(day, len(use)),
                "pseudonym": columns.numbers(pseudonyms[whose], pa.int64()),
                "user_type": columns.texts(user_type, words.user_types),
                "feature": columns.texts(use - use_types * features, words.features),
                **{name: columns.counts(by_action[:, number]) for number, name in enumerate(_COUNTS)},
            }
        ),
        "persons": pa.table(
            {
                "day": columns.days(day, len(types)),
                "pseudonym": columns.numbers(pseudonyms, pa.int64()),
                "user_type": columns.texts(types, words.user_types),
            }
        ),
    }


def _of_sessions(rows: Rows, is_new_person: Column, words: Words, day: date) -> dict[str, Any]:
    features = len(words.features)
    is_in = (rows.session[:, 0] | rows.session[:, 1]) != 0
    is_new = is_new_person | changes(rows.session[:, 0]) | changes(rows.session[:, 1])
    starts, ends = _bounds(is_new)
    starts, ends = starts[is_in[starts]], ends[is_in[starts]]
    session = np.cumsum(is_new & is_in)  # numbered from 1
    feature = (rows.code >> 2) % features
    return {
        "sessions": pa.table(
            {
                "session": columns.counts(np.arange(1, len(starts) + 1)),
                "day": columns.days(day, len(starts)),
                "session_id": columns.uuids(rows.session[starts]),
                "pseudonym": columns.numbers(rows.pseudonym[starts], pa.int64()),
                "user_type": columns.texts(rows.code[starts] // (4 * features), words.user_types),
                "first_at": columns.instants(day, rows.moment[starts]),
                "last_at": columns.instants(day, rows.moment[ends]),
                "events": columns.counts(ends - starts + 1),
                "first_feature": columns.texts(feature[starts], words.features),
                "last_feature": columns.texts(feature[ends], words.features),
            }
        ),
        "steps": _steps(np.flatnonzero(is_in & ~is_new & changes(feature)), session, feature, words, day),
        "marks": _marks(np.flatnonzero(is_in & (rows.code & 3 != _NAVIGATE)), rows, session, feature, words, day),
    }


def _steps(places: Column, session: Column, feature: Column, words: Words, day: date) -> Any:
    """Count what is between the rows at these places and those before them."""
    features = len(words.features)
    steps, starts = runs(np.sort((session[places] * features + feature[places - 1]) * features + feature[places]))
    from_there, to_feature = np.divmod(steps, features)
    of_session, from_feature = np.divmod(from_there, features)
    return pa.table(
        {
            "day": columns.days(day, len(steps)),
            "session": columns.counts(of_session),
            "from_feature": columns.texts(from_feature, words.features),
            "to_feature": columns.texts(to_feature, words.features),
            "steps": columns.counts(np.diff(starts, append=len(places))),
        }
    )


def _marks(places: Column, rows: Rows, session: Column, feature: Column, words: Words, day: date) -> Any:
    """Hold the first `open` of a feature against the last `submit` or `order`, of the rows at these places."""
    bits = len(session).bit_length()
    is_finish = rows.code[places] & 3 != _OPEN
    marks = np.sort((((session[places] * len(words.features) + feature[places]) << 1 | is_finish) << bits) | places)
    kinds, starts = runs(marks >> bits)  # at most two a session and feature: opens, then finishes
    ends = np.append(starts[1:], len(marks))[: len(starts)] - 1
    first, last = _bounds(changes(kinds >> 1))
    is_opened, is_finished = kinds[first] & 1 == 0, kinds[last] & 1 == 1
    of_session, of_feature = np.divmod(kinds[first] >> 1, len(words.features))
    return pa.table(
        {
            "day": columns.days(day, len(first)),
            "session": columns.counts(of_session),
            "feature": columns.texts(of_feature, words.features),
            "is_opened": columns.flags(is_opened),
            "is_finished": columns.flags(is_finished),
            # A place in the bucket stands in the last bits: marks of one session and feature compare by it.
            "is_completed": columns.flags(
                is_opened & is_finished & (_place(marks[starts[first]], bits) < _place(marks[ends[last]], bits))
            ),
        }
    )


def _place(marks: Column, bits: int) -> Column:
    return marks & ((1 << bits) - 1)


def _numbers(starts: Column) -> Column:
    """Return each row's number of the group that it is in, from 0, given where groups start."""
    return np.cumsum(starts) - 1


def _bounds(starts: Column) -> tuple[Column, Column]:
    """Return the place of each group's first and of its last row, given where groups start."""
    first = np.flatnonzero(starts)
    return first, np.append(first[1:], len(starts))[: len(first)] - 1
