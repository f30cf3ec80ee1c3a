"""One release against itself: what its manifest, its document, its evidence, tables and pages say of one another."""

from __future__ import annotations

import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage import ledger
from cetegra_usage.model import Period
from cetegra_usage.pipeline import errata, public, releases
from cetegra_usage.publish.pages.view import Erratum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.pipeline.verify.findings import Findings
    from cetegra_usage.pipeline.verify.published import Published
    from cetegra_usage.publish.manifests import Manifest
    from cetegra_usage.store import Store

_HASH = re.compile(rb"\b[0-9a-f]{64}\b")


def verify(
    store: Store,
    path: str,
    entry: Mapping[str, Any],
    before: Manifest,
    published: Published,
    findings: Findings,
) -> None:
    """Verify that a release agrees with itself.

    Args:
        store: Where it is.
        path: Its folder.
        entry: What the manifest says of it.
        before: The manifest before.
        published: What was read so far, the release's own documents among it.
        findings: What is found is noted there.
    """
    release, evidence = published.documents[path]
    with findings.reading(f"{path}/release.json"):
        _release(release, evidence, entry, before, path, findings)
    with findings.reading(f"{path}/evidence.json"):
        _evidence(evidence, entry, before, path, findings)
    with findings.reading(f"{path}/data"):
        _tables(store, release, path, findings)
    with findings.reading(f"{path}/usage.html"):
        shown = set(_HASH.findall(store.read(f"{path}/usage.html")))
        for output in release["outputs"]:
            if output["path"].startswith("data/"):
                findings.expect(
                    output["sha256"].encode() in shown,
                    f"{path}/{output['path']}",
                    "the usage page names another file in its place",
                )


def _release(
    release: Mapping[str, Any],
    evidence: Mapping[str, Any],
    entry: Mapping[str, Any],
    before: Manifest,
    path: str,
    findings: Findings,
) -> None:
    period = Period.parse(entry["period"])
    place = f"{path}/release.json"
    own = (period.key, entry["revision"], period.first.isoformat(), period.last.isoformat())
    for document, where in ((release, place), (evidence, f"{path}/evidence.json")):
        said = tuple(document[key] for key in ("period", "revision", "first", "last"))
        findings.expect(said == own, where, "it is of another period or revision than its folder")
    for key in ("versions", "hashes"):
        findings.expect(release[key] == evidence[key], place, f"its {key} are not those of its evidence")
    findings.expect(
        release["inputs"]
        == [{"partition": one["id"], "state": one["state"], "record": one["exact"]} for one in evidence["partitions"]],
        place,
        "its inputs are not the partitions of its evidence",
    )
    compared = [
        {"period": other["period"], "revision": other["revision"]}
        for earlier in (releases.period_before(period), releases.year_before(period))
        if (other := before.release(earlier.key))
    ]
    findings.expect(release["compared_with"] == compared, place, "it was not compared with the releases that it names")
    cells: Counter[tuple[str, str]] = Counter()
    for erratum in release["errata"]:
        cells[erratum["table"], erratum["cause"]] += len(erratum["measures"])
    told = [Erratum(table, cause, number) for (table, cause), number in sorted(cells.items())]
    findings.expect(
        entry["summary"] == releases.summary(evidence, release["tables"], told),
        place,
        "its manifest sums it up otherwise",
    )


def _evidence(
    evidence: Mapping[str, Any], entry: Mapping[str, Any], before: Manifest, path: str, findings: Findings
) -> None:
    place = f"{path}/evidence.json"
    findings.expect(public.head(evidence) == entry["evidence"], place, "it is not the one that its manifest names")
    previous = evidence["previous"]
    findings.expect(
        (previous["sha256"] if previous else ledger.GENESIS) == before.evidence_head,
        place,
        "it does not name the evidence before",
    )
    for promise in evidence["promises"]:
        findings.expect(
            promise == promise | public.derived(promise, evidence),
            place,
            f"what it says of the promise {promise['id']} is not what its results come to",
        )


def _tables(store: Store, release: Mapping[str, Any], path: str, findings: Findings) -> None:
    """Hold each table's two files against one another, and against the revision before what is said to have changed."""
    outputs = {output["path"] for output in release["outputs"]}
    files = {f"data/{name}.{kind}" for name in release["tables"] for kind in ("parquet", "csv")}
    findings.expect(
        outputs == files | {"usage.html", "compliance.html", "evidence.json"},
        f"{path}/release.json",
        "its outputs are not its tables and pages",
    )
    now: dict[str, pl.DataFrame] = {}
    for name in release["tables"]:
        with findings.reading(f"{path}/data/{name}.parquet"):
            now[name] = pl.read_parquet(io.BytesIO(store.read(f"{path}/data/{name}.parquet")))
            findings.expect(
                now[name].write_csv(line_terminator="\n").encode() == store.read(f"{path}/data/{name}.csv"),
                f"{path}/data/{name}.csv",
                "it does not show what the same table's Parquet shows",
            )
    changed: list[dict[str, Any]] = []
    if release["revision"] > 1:
        earlier = f"releases/{release['period']}/r{release['revision'] - 1}/data"
        old = {
            name: pl.read_parquet(io.BytesIO(store.read(f"{earlier}/{name}.parquet")))
            for name in now
            if store.exists(f"{earlier}/{name}.parquet")
        }
        changed = [change.as_json() for change in errata.changes(old, now)]
    findings.expect(
        _cells_of(release["errata"]) == _cells_of(changed),
        f"{path}/release.json",
        "its errata are not what it changed",
    )


def _cells_of(errata: Sequence[Mapping[str, Any]]) -> Counter[bytes]:
    """Return each cell that errata name: the table, the row and the measure."""
    return Counter(
        ledger.canonical([erratum["table"], erratum["row"], measure])
        for erratum in errata
        for measure in erratum["measures"]
    )
