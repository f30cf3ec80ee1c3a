"""What can be verified with the published files alone: manifests, every file they answer for, the chain of evidence."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cetegra_usage import ledger
from cetegra_usage.pipeline import releases
from cetegra_usage.pipeline.verify import release as one_release
from cetegra_usage.publish import manifests
from cetegra_usage.store import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cetegra_usage.model import Period
    from cetegra_usage.pipeline.verify.findings import Findings
    from cetegra_usage.store import Entry, Store


@dataclass(slots=True)
class Published:
    """What was read on the way, for those who hold the exact records against it.

    Attributes:
        manifests: Every manifest that can be read, by number.
        named: Each release that a manifest made current, by its folder, with the manifest before it.
        documents: `release.json` and `evidence.json` of each release that was looked at and can be read, by its folder.
    """

    manifests: dict[int, manifests.Manifest] = field(default_factory=dict[int, manifests.Manifest])
    named: dict[str, tuple[Mapping[str, Any], manifests.Manifest]] = field(default_factory=dict[str, Any])
    documents: dict[str, tuple[Any, Any]] = field(default_factory=dict[str, tuple[Any, Any]])


def verify(store: Store, findings: Findings, only: Period | None) -> Published:
    """Verify the published tree; the files of one period's releases, or of all.

    Args:
        store: Where it is.
        findings: What is found is noted there.
        only: The period.
    """
    listed = {entry.path: entry for entry in store.list()}
    if not listed:  # nothing yet, or all of it was taken away: the exact records tell which
        findings.not_checked.append("the published files: there are none")
        return Published()
    published = _manifests(store, listed, findings)
    _derived(store, published, findings)
    expected = {manifests.LATEST, manifests.INDEX, *map(manifests.path_of, published.manifests)}
    for path, (entry, before) in published.named.items():
        if only and entry["period"] != only.key:
            expected |= {name for name in listed if name.startswith(f"{path}/")}
            continue
        findings.checked["releases"] += 1
        expected |= {f"{path}/release.json"} | _files(store, listed, entry, findings)
        with findings.reading(f"{path}/evidence.json"):
            documents = [json.loads(store.read(f"{path}/{name}.json")) for name in ("release", "evidence")]
            published.documents[path] = documents[0], documents[1]
            one_release.verify(store, path, entry, before, published, findings)
    for path in sorted(set(listed) - expected):
        if not path.startswith(f"{manifests.FOLDER}/"):  # of those that belong to none it was said above
            findings.fault(path, "no manifest and no release names it")
    return published


def _manifests(store: Store, listed: Mapping[str, Entry], findings: Findings) -> Published:
    """Read every manifest, each of which names the one before and makes one release current."""
    published = Published()
    there = {path for path in listed if path.startswith(f"{manifests.FOLDER}/")}
    known = numbers(there, manifests.FOLDER)
    for path in sorted(there - set(map(manifests.path_of, known))):
        findings.fault(path, "it is no manifest")
    before = manifests.Manifest()
    for number in findings.without_gaps(known, manifests.path_of):
        path = manifests.path_of(number)
        with findings.reading(path):
            raw = store.read(path)
            document = json.loads(raw)
            now = manifests.parsed(number, raw)
            published.manifests[number] = now
            findings.checked["manifests"] += 1
            findings.expect(ledger.canonical(document) == raw, path, "its bytes are not those of its content")
            if number == 1 or before.number == number - 1:
                findings.expect(document["previous"] == before.sha256, path, "it does not name the manifest before")
                findings.expect(_is_next(before, now), path, "it does not make one next revision current")
            for entry in now.releases:
                if before.release(entry["period"]) != entry:
                    published.named.setdefault(str(entry["path"]), (entry, before))
            before = now
    return published


def _is_next(before: manifests.Manifest, now: manifests.Manifest) -> bool:
    """Whether a manifest says what the one before said, but for one release that is its period's next revision."""
    changed = [entry for entry in now.releases if before.release(entry["period"]) != entry]
    kept = {entry["period"] for entry in before.releases} <= {entry["period"] for entry in now.releases}
    if len(changed) != 1 or not kept or len({entry["period"] for entry in now.releases}) != len(now.releases):
        return False
    entry = changed[0]
    earlier = before.release(entry["period"])
    revision = earlier["revision"] + 1 if earlier else 1
    return (entry["revision"], entry["path"], now.evidence_head) == (
        revision,
        f"releases/{entry['period']}/r{revision}",
        entry["evidence"],
    )


def _derived(store: Store, published: Published, findings: Findings) -> None:
    """Hold `latest.json` and `index.html` against the highest manifest."""
    highest = published.manifests[max(published.manifests)] if published.manifests else manifests.Manifest()
    with findings.reading(manifests.LATEST):
        findings.expect(
            store.read(manifests.LATEST) == manifests.latest(highest),
            manifests.LATEST,
            "it does not say what the highest manifest says",
        )
    with findings.reading(manifests.INDEX):
        index = store.read(manifests.INDEX)
        findings.expect(
            _sha256(index) == highest.index or index == releases.rendered_index(highest.releases).encode(),
            manifests.INDEX,
            "it is not the index of the highest manifest",
        )


def _files(store: Store, listed: Mapping[str, Entry], entry: Mapping[str, Any], findings: Findings) -> set[str]:
    """Hold every file of a release against its hash, and return the paths that the release names."""
    path, named = entry["path"], set[str]()
    with findings.reading(f"{path}/release.json"):
        raw = store.read(f"{path}/release.json")
        findings.expect(_sha256(raw) == entry["sha256"], f"{path}/release.json", "it is not the one that was released")
        for output in json.loads(raw)["outputs"]:
            file = f"{path}/{output['path']}"
            named.add(file)
            findings.checked["files"] += 1
            with findings.reading(file):
                content = store.read(file)
                findings.expect(
                    (len(content), _sha256(content)) == (output["bytes"], output["sha256"]),
                    file,
                    "it is not the one that was released",
                )
    return named & set(listed)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
