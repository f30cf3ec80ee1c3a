"""Synthetic landing zones: a made-up portal, made-up people, and faults that each break one promise."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

from cetegra_usage.errors import UsageError
from cetegra_usage.model import Partition, each_day
from cetegra_usage.synth.activity import SHARE_OF_EVENTS, events_of_day
from cetegra_usage.synth.fault import Fault
from cetegra_usage.synth.faults import FAULTS
from cetegra_usage.synth.feedback import feedback
from cetegra_usage.synth.files import consent_frame, event_frame, write_partition
from cetegra_usage.synth.people import DAY, LEAD_DAYS, consent_log, instant, population
from cetegra_usage.synth.portal import ACCOUNT_DIGESTS, MARK, SERVICES, catalogue_toml, habits
from cetegra_usage.synth.seeding import chosen, days_needed, placed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl

    from cetegra_usage.synth.activity import Events
    from cetegra_usage.synth.files import Form

__all__ = ["FAULTS", "Fault", "generate"]

_EVENTS_PER_USER = 3
_KINDS = ("events", "consents", "feedback")


def generate(  # each is an argument of the command
    root: Path,
    *,
    first: date,
    last: date,
    users: int = 3000,
    seed: int = 0,
    faults: Sequence[str] = (),
    events_per_day: int | None = None,
    form: Form = "parquet",
) -> dict[str, Partition]:
    """Write a landing zone, its catalogue and its list of account digests; equal arguments give equal bytes.

    In a synthetic zone that is there already the days of the range are made anew, and the others stay: they are of
    other people, whose consent log is kept beside the new one's.

    Args:
        root: The landing zone's folder.
        first: First day with events; the consent log begins a week before.
        last: Last day.
        users: People, over both services.
        seed: What chance depends on.
        faults: Names of FAULTS; each is put into a day of its own, from the middle of the range on.
        events_per_day: Events of an ordinary working day in both services; three a user without it.
        form: How the files are written.

    Returns:
        For each fault the partition that it broke.

    Raises:
        UsageError: No such fault, more faults than days, or too little data for one; no day or no user; or a zone that
            is not synthetic.
    """
    wanted = chosen(faults)
    if last < first or users < 1:
        raise UsageError(
            "there is nothing to generate",
            why="the range holds no day, or there are no users",
            hint="cetegra-usage generate DIR --from 2026-03-30 --to 2026-05-03",
        )
    places = placed(wanted, first, last)
    _make_room(root, first, last)
    (root / "catalogue.toml").write_text(catalogue_toml(first, last), "utf-8")
    (root / "account-digests.txt").write_text("\n".join(ACCOUNT_DIGESTS) + "\n", "utf-8")
    waiting_days = days_needed(places)
    waiting: dict[Partition, pl.DataFrame] = {}
    for partition, frame in _partitions(first, last, users, seed, events_per_day or users * _EVENTS_PER_USER):
        if partition.day in waiting_days:
            waiting[partition] = frame
        elif partition.day < first:
            write_partition(root, partition, frame, form, stem=f"before-{first}")
        else:
            write_partition(root, partition, frame, form)
    # Those that look at other days come first, before these are broken too.
    for fault, day in places:
        if fault.breaks:
            fault.breaks(waiting, fault.partition(day))
    for partition, frame in waiting.items():
        write_partition(root, partition, frame, form)
    for fault, day in places:
        if fault.damage:
            fault.damage(root / fault.partition(day).prefix)
    return {fault.name: fault.partition(day) for fault, day in places}


def _make_room(root: Path, first: date, last: date) -> None:
    """Remove the partitions of a range of days from a synthetic zone."""
    catalogue = root / "catalogue.toml"
    is_synthetic = catalogue.is_file() and catalogue.read_text("utf-8").startswith(MARK)
    if not is_synthetic and any((root / kind).exists() for kind in (*_KINDS, "catalogue.toml")):
        raise UsageError(
            "there is a landing zone, or a catalogue, that is not synthetic",
            why="made-up events must never mix with others",
            hint="name another folder",
        )
    root.mkdir(parents=True, exist_ok=True)
    for day in each_day(first, last):
        for folder in root.glob(f"events/service=*/day={day}"):
            shutil.rmtree(folder)
        for kind in ("consents", "feedback"):
            shutil.rmtree(root / Partition(kind, "", day).prefix, ignore_errors=True)


def _partitions(
    first: date, last: date, users: int, seed: int, events_per_day: int
) -> Iterator[tuple[Partition, pl.DataFrame]]:
    """Yield every partition of a clean zone, one in memory at a time."""
    accounts = population(users, first, last, seed)
    log = consent_log(accounts)
    for day in each_day(first - timedelta(days=LEAD_DAYS), last):
        begin = instant(day)
        yield Partition("consents", "", day), consent_frame(log.between(begin, begin + DAY))
    notices = feedback(users, first, last, seed)
    for day in each_day(first, last):
        yield Partition("feedback", "", day), notices.of_day(day)
    carried: dict[str, Events] = {}
    for day in each_day(first, last):
        for service in SERVICES:
            todays_habits = habits(service, day, first, last)
            events, carried[service] = events_of_day(
                accounts[service],
                todays_habits,
                day,
                events_per_day=events_per_day * SHARE_OF_EVENTS[service],
                seed=seed,
                carried=carried.get(service),
            )
            yield Partition("events", service, day), event_frame(events, service, todays_habits.features)
