"""A job: the settings, stores, catalogue and ledger that one command works with."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cetegra_usage import landing, ledger
from cetegra_usage.check import register
from cetegra_usage.erased import NOBODY, Erased
from cetegra_usage.errors import ConfigurationError, StorageError, UsageError
from cetegra_usage.pipeline import keeping, memory
from cetegra_usage.pipeline.spool import spool
from cetegra_usage.project import root, version
from cetegra_usage.settings import load_catalogue
from cetegra_usage.store import Lease, open_all

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from cetegra_usage.model import Catalogue, Kind, Partition
    from cetegra_usage.settings import Settings
    from cetegra_usage.store import Stores

DIGESTS = "account-digests.txt"
"""Optional, beside the catalogue: SHA-256 digests of account ids, one a line in hex."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a worker needs to do its part: plain values, and paths of the disk that it shares.

    Attributes:
        settings: The deployment's settings.
        spool: The run's own folder, gone after it.
        erased: Who was erased.
    """

    settings: Settings
    spool: Path
    erased: Erased = NOBODY

    def folder(self, partition: Partition) -> Path:
        """Return a partition's own folder of the spool."""
        folder = self.spool / partition.id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def is_copy(self, file: Path) -> bool:
        """Whether a landed file was brought here; a folder's own is read where it is."""
        return file.is_relative_to(self.spool)

    def let_go(self, files: Iterable[Path]) -> None:
        """Remove what was brought here of some landed files."""
        for file in filter(self.is_copy, files):
            file.unlink()

    @property
    def intervals(self) -> Path:
        """Where the run keeps the intervals of consent, while it lasts."""
        return self.spool / "intervals.parquet"


@dataclass(slots=True)
class Job:
    """What one command works with.

    Attributes:
        spec: For the workers.
        today: The UTC day that is not over.
        stores: The three stores, judged.
        catalogue: What the deployment declares.
        zone: What has landed.
        ledger: What was judged before.
        local: Files of the warehouse that are here, by their path there.
        firsts: The day of the first partition of each service and of feedback, once it was looked for.
        lease: The hold on the warehouse, in a command that writes.
        remembered: What `known` has read.
        touched: Partitions of which this command may leave files that nothing names.
        consents: From which record of each day the local file of the consent log is made, once it is there.
    """

    spec: Spec
    today: date
    stores: Stores
    catalogue: Catalogue
    zone: landing.Zone
    ledger: ledger.Ledger
    local: dict[str, Path] = field(default_factory=dict[str, Path])
    firsts: dict[str, date | None] = field(default_factory=dict[str, "date | None"])
    lease: Lease | None = None
    remembered: memory.Memory | None = None
    touched: set[str] = field(default_factory=set[str])
    consents: dict[str, int] | None = None

    @property
    def known(self) -> memory.Memory:
        """What the warehouse remembers beside the ledger, read once; no attempts at what has gone from landing."""
        if self.remembered is None:
            self.remembered = memory.load(self.stores.warehouse)
            landed = {partition.id for partition in self.zone.partitions}
            for partition in self.remembered.attempts.keys() - landed:
                del self.remembered.attempts[partition]
        return self.remembered

    @contextmanager
    def held(self, *, everywhere: bool = False) -> Generator[None]:
        """Hold the warehouse: one run at a time writes, and when its work is done nothing is left that nothing names.

        It is looked for where this command has written; everywhere, if the one before did not come to its end.

        Args:
            everywhere: Look everywhere in any case.

        Raises:
            StorageError: Another run holds it, or worked on it since this command read the ledger.
        """
        from cetegra_usage.pipeline import leftovers  # noqa: PLC0415  # it works with jobs

        with Lease(self.stores.warehouse) as self.lease:
            if ledger.has_grown(self.stores.warehouse, self.ledger):  # what it names now would look like left-overs
                raise StorageError(
                    "another command has worked on the warehouse",
                    why="the ledger has grown since this one read it",
                    hint="the same command again",
                )
            before = leftovers.resting(self)
            yield
            leftovers.collect(self, before, everywhere=everywhere or not self.lease.ended_well)
            ledger.sum_up(self.stores.warehouse, self.ledger)
        self.lease = None

    def remember(self) -> None:
        """Keep what is known, and how far the ledger had come."""
        self.known.records, self.known.head = self.ledger.count, self.ledger.head
        memory.keep(self.stores.warehouse, self.known)

    def make_sure(self, *, asked: bool = False) -> None:
        """Make sure, before something is committed, that the hold is still ours.

        Args:
            asked: Ask the warehouse, too: the clock may have stood still while this machine slept.

        Raises:
            StorageError: It is not.
        """
        if self.lease and asked:
            self.lease.renew()
        elif self.lease:
            self.lease.check()

    @property
    def settings(self) -> Settings:
        """The deployment's settings."""
        return self.spec.settings


@contextmanager
def opened(settings: Settings, today: date | None) -> Generator[Job]:
    """Open the stores (all judged first), read the catalogue and the ledger, list the landing zone.

    The spool is made before and removed after, whatever happens; what commands that were killed left of theirs goes.

    Raises:
        ConfigurationError: A setting or the catalogue cannot be used, or the catalogue carries personal data.
        ResidencyError: A store is not shown to lie in the EEA.
        StorageError: A store does not answer.
    """
    stores = open_all(settings)
    catalogue = declared(settings)
    chain = ledger.load(stores.warehouse)
    with spool() as folder:
        yield Job(
            Spec(settings, folder, keeping.erased(stores.warehouse, chain)),
            today or datetime.now(UTC).date(),
            stores,
            catalogue,
            landing.scan(stores.landing, lambda service: service in catalogue.services or not _detected(service)),
            chain,
        )


def declared(settings: Settings) -> Catalogue:
    """Read the deployment's catalogue, and search it once: a key of it is not searched again.

    Raises:
        ConfigurationError: It cannot be used, or carries personal data.
    """
    from cetegra_usage.check import detectors  # noqa: PLC0415  # heavy

    catalogue = load_catalogue(settings)
    found = [finding for finding in detectors.judge_catalogue(catalogue) if finding.severity == "block"]
    if not found:
        return catalogue
    places = sorted({f"[[{finding.table}]] {finding.position}, {finding.field}" for finding in found})
    raise ConfigurationError(
        f"the catalogue carries personal data at {'; '.join(places)}",
        why="its keys and titles are shown on every page",
        hint="rename the entry; docs/detectors.md lists what the detectors find",
    )


def _detected(service: str) -> bool:
    """Whether a detector recognises what a folder says its service is: a partition's id is shown everywhere."""
    from cetegra_usage.check import detectors  # noqa: PLC0415  # heavy

    return bool(detectors.detect(service))


def days_to_take(job: Job, first: date | None, last: date | None) -> tuple[date, date]:
    """Return the range of days that a command takes: never one that is not over.

    Raises:
        UsageError: The range is turned round, or begins or ends today or later.
    """
    yesterday = job.today - timedelta(days=1)
    for option, day in (("--from", first), ("--to", last)):
        if day is not None and day > yesterday:
            raise UsageError(
                f"{option} is not over yet",
                why=f"days are taken when they are over; today is {job.today}",
                hint=f"{option} {yesterday} or earlier",
            )
    last = last or yesterday
    if first is not None and first > last:
        raise UsageError("--from is after --to", why="a range of days runs forwards", hint="swap the two")
    return first or date.min, last


def rules(settings: Settings) -> dict[Kind, dict[str, Any]]:
    """Return what a verdict on partitions of each kind depends on beside the data.

    That is: version, hashes of suites and statements, settings. Feedback and usage know nothing of each other's.
    """
    hashes = register.load().hashes
    statements = hashlib.sha256()
    room = root() / "sql"
    for file in [*sorted((room / "checks").glob("*.sql")), room / "rollups" / "intervals.sql"]:
        statements.update(file.read_bytes())
    shared = {
        "cetegra-usage": version(),
        "detectors": hashlib.sha256(
            b"".join((root() / "expectations" / f"{name}.toml").read_bytes() for name in ("detectors", "words"))
        ).hexdigest(),
        "statements": statements.hexdigest(),
        "account digests": _digests_hash(settings),
    }
    usage = shared | {
        "suite events": hashes["events"],
        "suite consents": hashes["consents"],
        "skew_seconds": settings.consent.skew_seconds,
        "max_days": settings.session.max_days,
    }
    return {"events": usage, "consents": usage, "feedback": shared | {"suite feedback": hashes["feedback"]}}


def vocabulary(catalogue: Catalogue, kind: Kind) -> dict[str, Any]:
    """Return what of the catalogue a verdict on partitions of a kind depends on: keys and actions, no titles."""
    if kind == "feedback":
        return {"notices": sorted(catalogue.notices)}
    return {
        "services": sorted(catalogue.services),
        "user_types": sorted(catalogue.user_types),
        "features": {
            feature.key: {"service": feature.service, "actions": sorted(feature.actions)}
            for feature in sorted(catalogue.features.values(), key=lambda feature: feature.key)
        },
    }


def only_grew(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a vocabulary still says all that it said before."""
    return all(set(old[name]) <= set(new[name]) for name in old if name != "features") and all(
        key in new["features"]
        and new["features"][key]["service"] == feature["service"]
        and set(feature["actions"]) <= set(new["features"][key]["actions"])
        for key, feature in old.get("features", {}).items()
    )


def digest_numbers(settings: Settings) -> list[int] | None:
    """Return the numbers that could be cut from the digests of account ids; None where no list is given, or none in it.

    Raises:
        ConfigurationError: A line is no SHA-256 in hex.
    """
    file = _digests_file(settings)
    if not file.is_file():
        return None
    numbers: set[int] = set()
    for line in file.read_text("ascii", errors="replace").split():
        try:
            raw = bytes.fromhex(line)
        except ValueError:
            raw = b""
        if len(raw) != hashlib.sha256().digest_size:
            break
        for part in (raw[:8], raw[-8:]):
            for order in ("big", "little"):
                number = int.from_bytes(part, order)
                numbers |= {number & (2**63 - 1), number >> 1}
    else:
        return sorted(numbers) or None  # an empty list compares nothing: not checked
    raise ConfigurationError(
        f"{DIGESTS} cannot be read", why="each line is a SHA-256 in 64 hex digits", hint=f"mend or remove {DIGESTS}"
    )


def _digests_file(settings: Settings) -> Path:
    return (settings.folder / settings.catalogue.path).parent / DIGESTS


def _digests_hash(settings: Settings) -> str | None:
    file = _digests_file(settings)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
