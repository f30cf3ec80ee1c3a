"""Verification: every hash of the releases and of the evidence is computed again, as far as what is hashed is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.errors import UsageError
from cetegra_usage.pipeline.verify import exact, published
from cetegra_usage.pipeline.verify.findings import Fault, Findings
from cetegra_usage.store import open_published

if TYPE_CHECKING:
    from cetegra_usage.model import Period
    from cetegra_usage.settings import Settings

__all__ = ["Fault", "Findings", "verify"]


def verify(settings: Settings, only: Period | None = None) -> Findings:
    """Verify what is published, and against the warehouse where the settings name one that is there.

    Args:
        settings: Where they are; `publish` is enough. Every store that is named is judged first.
        only: The period whose releases and rollups are looked at; the chains are always verified as a whole.

    Raises:
        ConfigurationError: What is named of a store cannot be read.
        ResidencyError: A store is not shown to lie in the EEA.
        StorageError: The published store does not answer.
        UsageError: The period was never released.
    """
    stores = open_published(settings)
    findings = Findings()
    seen = published.verify(stores.publish, findings, only)
    if only and not findings.faults and not any(entry["period"] == only.key for entry, _ in seen.named.values()):
        raise UsageError(
            f"{only.key} was never released", why="no manifest names a release of it", hint="cetegra-usage verify"
        )
    if only:
        findings.not_checked.append("the files of other periods")
    if stores.warehouse is None:
        findings.not_checked += [
            f"the exact records, and what the public evidence says of them: {stores.why}",
            "whether the last release is the last, and none was rewritten: compare manifests with a hash noted before",
        ]
    else:
        exact.verify(stores.warehouse, seen, findings, only)
    if left := stores.publish.litter():
        findings.not_checked.append(f"{len(left)} files of writes that never ended, which no listing shows")
    return findings
