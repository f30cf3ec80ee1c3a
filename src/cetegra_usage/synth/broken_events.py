"""Ways to break a day's events, each in the rows of one partition."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage.model import Partition, midnight
from cetegra_usage.synth.files import uuid_text
from cetegra_usage.synth.portal import ACCOUNT_DIGESTS
from cetegra_usage.synth.rows import (
    Frames,
    TooLittleDataError,
    append,
    change,
    made_up_pseudonym,
    of_version_4,
    rows_of,
)

if TYPE_CHECKING:
    from datetime import date, datetime

LONGEST_SESSION_DAYS = 7
"""As in the settings' default."""

_FEWEST_PERSONS = 30
_LONG_PAUSE = timedelta(minutes=4)


def extra_column(frames: Frames, partition: Partition) -> None:
    """Add a column that nobody was told of."""
    frames[partition] = frames[partition].with_columns(duration_ms=pl.int_range(pl.len()) % 900)


def missing_column(frames: Frames, partition: Partition) -> None:
    """Leave out a column."""
    frames[partition] = frames[partition].drop("session_id")


def mistyped_column(frames: Frames, partition: Partition) -> None:
    """Nest a value that is a plain one."""
    frames[partition] = frames[partition].with_columns(session_id=pl.struct(tab=pl.col("session_id").is_not_null()))


def unreadable_value(frames: Frames, partition: Partition) -> None:
    """Write session ids as text, some of them as the word that a script has for nothing."""
    frame = frames[partition].with_columns(uuid_text("session_id"))
    frames[partition] = change(frame, rows_of(frame, "in a session"), {"session_id": "undefined"})


def digest_as_pseudonym() -> int:
    """Return what somebody makes who cuts a pseudonym from an account's digest: its first 64 bits, without the sign."""
    return int(ACCOUNT_DIGESTS[0][:16], 16) & (2**63 - 1)


def reused_event_id(frames: Frames, partition: Partition) -> None:
    """Give two different events one id."""
    frame = frames[partition]
    first, *others = rows_of(frame, "declined", 2)
    if not others:
        raise TooLittleDataError
    frames[partition] = change(frame, others, {"event_id": frame["event_id"][first]})


def repeated_rows(frames: Frames, partition: Partition) -> None:
    """Let a few events land twice, equal in all columns."""
    frames[partition] = frames[partition].vstack(frames[partition].head(3))


def counted_pseudonyms(frames: Frames, partition: Partition) -> None:
    """Number the persons of the day instead of drawing their pseudonyms."""
    frame = frames[partition]
    if frame["pseudonym"].drop_nulls().n_unique() < _FEWEST_PERSONS:
        raise TooLittleDataError
    number = pl.col("pseudonym").rank("dense").cast(pl.Int64)
    frames[partition] = frame.with_columns(pseudonym=number + made_up_pseudonym("counted_pseudonyms"))


def session_of_two(frames: Frames, partition: Partition) -> None:
    """Give one session to two persons."""
    frame = frames[partition]
    first = frame.row(rows_of(frame, "in a session", 1)[0], named=True)
    for row in rows_of(frame, "in a session", frame.height):
        if frame["pseudonym"][row] != first["pseudonym"]:
            frames[partition] = change(frame, [row], {"session_id": first["session_id"]})
            return
    raise TooLittleDataError


def session_for_days(frames: Frames, partition: Partition) -> None:
    """Let a person's tab of the week before go on."""
    earlier = frames[_days_before(partition, LONGEST_SESSION_DAYS + 1)].drop_nulls("session_id")
    tab_of = dict(earlier.select("pseudonym", "session_id").iter_rows())
    frame = frames[partition]
    for row in rows_of(frame, "in a session", frame.height):
        if tab := tab_of.get(frame["pseudonym"][row]):
            frames[partition] = change(frame, [row], {"session_id": tab})
            return
    raise TooLittleDataError


def pseudonym_of_both(frames: Frames, partition: Partition) -> None:
    """Let a person of the other service, with consent there, appear under the same pseudonym here."""
    other = frames[Partition("events", "docs", partition.day)]
    visitor = other.row(rows_of(other, "identified", 1)[0], named=True)
    same = {name: visitor[name] for name in ("occurred_at", "pseudonym", "consent")}
    frames[partition] = change(frames[partition], rows_of(frames[partition], "declined", 1), same)


def few_rows(frames: Frames, partition: Partition) -> None:
    """Lose forty-nine rows of fifty."""
    frames[partition] = frames[partition].gather_every(50)


def unknown_service(frames: Frames, partition: Partition) -> None:
    """Let another service's events land beside the two."""
    frame = frames[Partition("events", "workspace", partition.day)]
    some = frame[rows_of(frame, "declined", 25)]
    other = {"service": partition.service, "feature": f"{partition.service}.start", "event_id": of_version_4}
    frames[partition] = change(some, list(range(some.height)), other)


def withdrawn_before(frames: Frames, partition: Partition) -> None:
    """Let the log say that a person had withdrawn before the day's first event, and gave consent again at its end."""
    log = Partition("consents", "", partition.day)
    busy = pl.col("occurred_at").dt.hour().is_in([0, 23])
    persons = (
        frames[partition]
        .drop_nulls("pseudonym")
        .group_by("pseudonym", maintain_order=True)
        .agg(pl.col("occurred_at").min(), busy=busy.any())
        .filter(~pl.col("busy"))
        .join(frames[log], on="pseudonym", how="anti", maintain_order="left")
    )
    if persons.is_empty():
        raise TooLittleDataError
    person, first_event, _ = persons.row(0)
    end = midnight(partition.day) + timedelta(days=1, microseconds=-1)
    _log(frames, partition.day, person, withdrawn=first_event - timedelta(minutes=10), granted=end)


def session_over_withdrawal(frames: Frames, partition: Partition) -> None:
    """Let consent end and begin again in the longest pause of a session, which goes on."""
    log = Partition("consents", "", partition.day)
    pauses = (
        frames[partition]
        .drop_nulls("session_id")
        .join(frames[log], on="pseudonym", how="anti", maintain_order="left")
        .select(
            "pseudonym",
            "occurred_at",
            pause=pl.col("occurred_at").shift(-1).over("session_id") - pl.col("occurred_at"),
        )
        .filter(pl.col("pause") > _LONG_PAUSE)
        .sort("pause", descending=True, maintain_order=True)
    )
    if pauses.is_empty():
        raise TooLittleDataError
    person, before, pause = pauses.row(0)
    _log(frames, partition.day, person, withdrawn=before + pause / 3, granted=before + pause / 2)


def _log(frames: Frames, day: date, person: int, *, withdrawn: datetime, granted: datetime) -> None:
    """Add to the day's consent log that a person withdrew, and gave consent again."""
    log = Partition("consents", "", day)
    changes = [(withdrawn, "withdrawn"), (granted, "granted")]
    rows = [{"pseudonym": person, "changed_at": at, "state": state} for at, state in changes]
    frames[log] = append(frames[log], rows)


def _days_before(partition: Partition, days: int) -> Partition:
    return Partition(partition.kind, partition.service, partition.day - timedelta(days=days))
