"""What `verify` finds: tamperings, each on a copy of one small published zone, and nothing on the zone itself."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cetegra_usage import ledger
from cetegra_usage.cli import main
from cetegra_usage.errors import StorageError
from cetegra_usage.pipeline import consent_log, job, memory, releases
from cetegra_usage.pipeline.query import query
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.publish import manifests
from cetegra_usage.settings import load_settings
from cetegra_usage.store import open_store
from support import landed
from support.landed import PERSON, change, event, identified
from support.mortal import run_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from cetegra_usage.pipeline.verify import Findings

FIRST, TODAY = date(2026, 6, 1), date(2026, 6, 9)
R1, R2 = "publish/releases/2026-W23/r1", "publish/releases/2026-W23/r2"
PUBLIC = {"publish.country": "NO"}


def rows(day: date, *, bad: bool = False) -> list[dict[str, Any]]:
    """Return a day's events of thirteen people and of many who declined."""
    lawful = [event(number, 8 + number / 10, day=day) for number in range(40)]
    lawful += [identified(100 + number, 9 + number / 10, PERSON + number % 13, day=day) for number in range(40)]
    return [*lawful, event(999, feature="kari.nordmann@example.org", day=day)] if bad else lawful


@pytest.fixture(scope="module", autouse=True)
def parts() -> Generator[None]:
    """A chain of a few records has parts, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "PART", 4)
        yield


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week that was released twice: its third day was quarantined, and landed again."""
    config = landed.zone(tmp_path_factory.mktemp("verify"))
    landed.land_consents(
        config, [change(0.5, "granted", PERSON + number, day=FIRST) for number in range(13)], day=FIRST
    )
    for number in range(8):
        day = FIRST + timedelta(days=number)
        if number:
            landed.land_consents(config, [], day=day)
        landed.land_events(config, rows(day, bad=number == 2), day=day)
    assert [release.revision for release in landed.run(config, TODAY).releases] == [1]
    landed.land_events(config, rows(FIRST + timedelta(days=2)), day=FIRST + timedelta(days=2))
    assert [release.revision for release in landed.run(config, TODAY).releases] == [2]
    return config.parent


@pytest.fixture
def copy(zone: Path, tmp_path: Path) -> Path:
    """A copy to tamper with, without the landing zone: what has gone from there is verified all the same."""
    shutil.copytree(zone, tmp_path / "copy", ignore=shutil.ignore_patterns("landing"))
    return tmp_path / "copy"


def found(root: Path) -> Findings:
    """Verify with the warehouse."""
    return verify(load_settings(root / "cetegra-usage.toml"))


def found_alone(root: Path) -> Findings:
    """Verify with the published files alone."""
    return verify(load_settings(None, {"publish.url": str(root / "publish")} | PUBLIC, {}))


def places(findings: Findings) -> str:
    return "\n".join(str(fault.place) for fault in findings.faults)


def flip(path: str) -> Callable[[Path], None]:
    """Change one bit in the middle of a file, or of the first that fits."""

    def tamper(root: Path) -> None:
        file = min(root.glob(path))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    return tamper


def remove(*paths: str) -> Callable[[Path], None]:
    def tamper(root: Path) -> None:
        for path in paths:
            file = max(root.glob(path))
            shutil.rmtree(file) if file.is_dir() else file.unlink()

    return tamper


def swap(one: str, other: str) -> Callable[[Path], None]:
    def tamper(root: Path) -> None:
        first, second = min(root.glob(one)), max(root.glob(other))
        assert first != second
        aside = root / "aside"
        first.rename(aside)
        second.rename(first)
        aside.rename(second)

    return tamper


def write(path: str, content: bytes) -> Callable[[Path], None]:
    def tamper(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return tamper


def summed(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Change what is summed up of the ledger."""
    return lambda root: _unzipped(root / "warehouse" / ledger.SUM, change)


def part(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Change a part of that, and what is summed up names it."""

    def tamper(root: Path) -> None:
        file = root / "warehouse" / ledger.part_path(name)
        _unzipped(file, change)
        summed(lambda d: d["parts"].update({name: _sha256(file.read_bytes())}))(root)

    return tamper


def _unzipped(file: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(gzip.decompress(file.read_bytes()))
    change(document)
    file.write_bytes(gzip.compress(ledger.canonical(document)))


def edit(path: str, change: Callable[[Any], Any], *, rehash: bool = False) -> Callable[[Path], None]:
    """Change a JSON document; with `rehash`, everything published that names it by hash is made to fit."""

    def tamper(root: Path) -> None:
        document = json.loads((root / path).read_bytes())
        changed = change(document)
        (root / path).write_bytes(ledger.canonical(document if changed is None else changed))
        if rehash:
            forge(root)

    return tamper


def forge(root: Path) -> None:
    """Make every hash under publish fit what lies there: what somebody can do who knows how all of it works."""
    before = manifests.Manifest()
    store = open_store("publish", load_settings(root / "cetegra-usage.toml").publish, folder=root)
    for number in range(1, manifests.current(store).number + 1):
        entry = dict(json.loads(store.read(f"manifests/{number}.json"))["releases"][0])
        folder = root / "publish" / entry["path"]
        evidence = json.loads((folder / "evidence.json").read_bytes())
        if evidence["previous"]:
            evidence["previous"]["sha256"] = before.evidence_head
        (folder / "evidence.json").write_bytes(ledger.canonical(evidence))
        release = json.loads((folder / "release.json").read_bytes())
        for output in release["outputs"]:
            content = (folder / output["path"]).read_bytes()
            if output["path"].startswith("data/"):  # the pages name the tables' files
                for page in folder.glob("*.html"):
                    page.write_text(page.read_text("utf-8").replace(output["sha256"], _sha256(content)), "utf-8")
        for output in release["outputs"]:
            content = (folder / output["path"]).read_bytes()
            output |= {"bytes": len(content), "sha256": _sha256(content)}
        (folder / "release.json").write_bytes(ledger.canonical(release))
        entry |= {"sha256": _sha256(ledger.canonical(release)), "evidence": ledger.digest(evidence)}
        before, content = manifests.next_one(before, entry, entry["evidence"], releases.rendered_index)
        store.put(f"manifests/{number}.json", content)
    manifests.derive(store, releases.rendered_index)


def rechain(change: Callable[[list[Any]], Any]) -> Callable[[Path], None]:
    """Change the exact records and make the whole chain fit: only who names them from elsewhere can tell."""

    def tamper(root: Path) -> None:
        files = [root / f"warehouse/ledger/{n}.json" for n in range(1, len(list(root.glob("warehouse/ledger/*"))) + 1)]
        segments = [json.loads(file.read_bytes())["records"] for file in files]
        change(segments)
        number, previous = 0, ledger.GENESIS
        for file, segment in zip(files, segments, strict=True):
            for entry in segment:
                number += 1
                entry["body"] |= {"number": number, "previous": previous}
                entry["sha256"] = previous = ledger.digest(entry["body"])
            file.write_bytes(ledger.canonical({"records": segment, "sha256": ledger.digest(segment)}))

    return tamper


def cut(count: int) -> Callable[[Path], None]:
    """Cut the last segments off the ledger."""

    def tamper(root: Path) -> None:
        for _ in range(count):
            (root / f"warehouse/ledger/{len(list(root.glob('warehouse/ledger/*')))}.json").unlink()

    return tamper


def roll_back(root: Path) -> None:
    """Take the last revision back as if it had never been."""
    shutil.rmtree(root / R2)
    (root / "publish/manifests/2.json").unlink()
    store = open_store("publish", load_settings(root / "cetegra-usage.toml").publish, folder=root)
    manifests.derive(store, releases.rendered_index)


def another_table(root: Path) -> None:
    """Put other figures into a table, in both of its files, and make every hash fit."""
    file = root / R2 / "data/features.parquet"
    frame = pl.read_parquet(file).with_columns(events=pl.col("events") + 5)
    frame.write_parquet(file)
    frame.write_csv(file.with_suffix(".csv"), line_terminator="\n")
    forge(root)


def another_csv(root: Path) -> None:
    file = root / R2 / "data/features.csv"
    file.write_text(re.sub(r"\d0,published", "990,published", file.read_text("utf-8"), count=1), "utf-8")
    forge(root)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _promise(document: Any, promise: str, **changed: Any) -> None:
    next(one for one in document["promises"] if one["id"] == promise).update(changed)


def _hush(document: Any) -> None:
    for result in document["partitions"][2]["results"]:
        result.update(success=True, count=0)


def _other_file(part: Any) -> None:
    next(iter(part.values()))["inputs"][0].update(bytes=1)


def far_ahead(folder: str) -> Callable[[Path], None]:
    return put(f"{folder}/900000000.json")


def put(path: str) -> Callable[[Path], None]:
    def tamper(root: Path) -> None:
        (root / path).write_bytes(b"{}")

    return tamper


def another_log(root: Path) -> None:
    file = root / "warehouse" / consent_log.FILE
    said = {key: value for key, value in pl.read_parquet_metadata(file).items() if not key.startswith("ARROW")}
    pl.read_parquet(file).with_columns(state=pl.lit("withdrawn")).write_parquet(file, metadata=said)


TAMPERINGS: list[tuple[str, Callable[[Path], None], str, bool]] = [
    # name, what is done, what a fault must name, whether the published files alone show it
    ("a byte of a table", flip(f"{R2}/data/features.parquet"), f"{R2[8:]}/data/features.parquet", True),
    ("a byte of a table as text", flip(f"{R1}/data/activity.csv"), f"{R1[8:]}/data/activity.csv", True),
    ("a byte of the usage page", flip(f"{R2}/usage.html"), f"{R2[8:]}/usage.html", True),
    ("a byte of the compliance page", flip(f"{R1}/compliance.html"), f"{R1[8:]}/compliance.html", True),
    ("a byte of the evidence", flip(f"{R2}/evidence.json"), f"{R2[8:]}/evidence.json", True),
    ("a byte of a release", flip(f"{R1}/release.json"), f"{R1[8:]}/release.json", True),
    ("a byte of the first manifest", flip("publish/manifests/1.json"), "manifests/", True),
    ("a byte of the last manifest", flip("publish/manifests/2.json"), "manifests/2.json", True),
    ("a manifest far ahead", far_ahead("publish/manifests"), "manifests/3.json", True),
    ("a segment far ahead", far_ahead("warehouse/ledger"), "ledger/900000000.json", False),
    ("a file among the manifests", put("publish/manifests/7"), "manifests/7", True),
    ("a byte of latest", flip("publish/latest.json"), "latest.json", True),
    ("a byte of the index", flip("publish/index.html"), "index.html", True),
    ("a byte of a rollup", flip("warehouse/rollups/events/workspace/2026-06-04/*"), "rollups/events", False),
    (
        "a rollup that no record names",
        write("warehouse/rollups/events/workspace/2026-06-04/0123456789abcdef-persons.0.parquet", b"PAR1"),
        "rollups/events/workspace/2026-06-04/0123456789abcdef-persons.0.parquet",
        False,
    ),
    ("a byte of the consent log", flip("warehouse/rollups/consents/2026-06-01/*"), "rollups/consents", False),
    ("another log as one file", another_log, consent_log.FILE, False),
    ("a byte of a segment", flip("warehouse/ledger/2.json"), "", False),
    ("a byte of what is summed up", flip(f"warehouse/{ledger.SUM}"), ledger.SUM, False),
    ("another sum", summed(lambda d: d["values"].append("x")), ledger.SUM, False),
    ("the sum of another chain", summed(lambda d: d.update(segments=10**6)), ledger.SUM, False),
    ("a byte of a part of it", flip(f"warehouse/{ledger.part_path('2')}"), ledger.part_path("2"), False),
    ("no part of it", remove(f"warehouse/{ledger.part_path('1')}"), ledger.part_path("1"), False),
    ("another part, named by the sum", part("1", _other_file), ledger.part_path("1"), False),
    ("a part with a record less, named by the sum", part("3", lambda d: d.popitem()), ledger.SUM, False),
    ("another part of what is kept", part("kept", lambda d: d["files"].pop()), ledger.part_path("kept"), False),
    ("a byte of what was seen", flip(f"warehouse/{memory.FILE}"), memory.FILE, False),
    ("a byte of a vocabulary", flip("warehouse/memory/vocabularies/*"), "memory/vocabularies", False),
    (
        "the time of a record",
        edit("warehouse/ledger/1.json", lambda d: d["records"][0].update(when="2020-01-01T00:00:00+00:00")),
        "ledger/1.json",
        False,
    ),
    ("a byte of the key", write("warehouse/memory/key", b"0" * 64), f"{R2[8:]}/evidence.json", False),
    ("no table", remove(f"{R2}/data/sessions.csv"), f"{R2[8:]}/data/sessions.csv", True),
    ("no compliance page", remove(f"{R1}/compliance.html"), f"{R1[8:]}/compliance.html", True),
    ("no first revision", remove(R1), R1[8:], True),
    ("no current revision", remove(R2), R2[8:], True),
    ("no first manifest", remove("publish/manifests/1.json"), "manifests/1.json", True),
    ("no manifest", remove("publish/manifests"), "latest.json", True),
    ("no latest", remove("publish/latest.json"), "latest.json", True),
    ("no index", remove("publish/index.html"), "index.html", True),
    (
        "no rollup",
        remove("warehouse/rollups/events/workspace/2026-06-05/*"),
        "rollups/events/workspace/2026-06-05",
        False,
    ),
    ("a byte of a tally", flip("warehouse/tallies/features/*"), "tallies/features", False),
    ("no tally", remove("warehouse/tallies/activity/*"), "tallies/activity", False),
    ("no tallies at all", remove("warehouse/tallies"), "tallies/", False),
    ("a tally that nobody made", write("warehouse/tallies/activity/x.parquet", b"PAR1"), "activity/x.parquet", False),
    ("a summary that nobody made", write("warehouse/known/docs/2026-06-07/x/0-of-1.parquet", b"PAR1"), "known/", False),
    ("two tallies swapped", swap("warehouse/tallies/features/*", "warehouse/tallies/*/*"), "tallies/", False),
    ("no vocabulary", remove("warehouse/memory/vocabularies"), "memory/vocabularies", False),
    ("no key", remove("warehouse/memory/key"), "memory/key", False),
    ("no ledger", remove("warehouse/ledger"), "evidence.json", False),
    ("no first segment", remove("warehouse/ledger/1.json"), "ledger/1.json", False),
    ("no segment in the middle", remove("warehouse/ledger/3.json"), "ledger/3.json", False),
    ("the last segment cut off", cut(1), "manifests/2.json", False),
    ("the last three segments cut off", cut(3), f"{R2[8:]}/evidence.json", False),
    ("the last segment cut off before its release", lambda root: (roll_back(root), cut(1)(root))[0], "", False),
    ("two segments swapped", swap("warehouse/ledger/1.json", "warehouse/ledger/2.json"), "1", False),
    ("two records swapped", edit("warehouse/ledger/2.json", lambda d: d["records"].reverse()), "", False),
    ("two records swapped, and chained again", rechain(lambda s: s[1].reverse()), "evidence.json", False),
    ("a record taken out, and chained again", rechain(lambda s: s[1].pop(3)), "evidence.json", False),
    (
        "a count changed, and chained again",
        rechain(lambda s: s[1][0]["body"]["rows"].update(landed=7)),
        "evidence.json",
        False,
    ),
    ("an unpublished record taken out, and chained again", rechain(lambda s: s[1].pop()), "", False),
    (
        "two rollups swapped",
        swap(
            "warehouse/rollups/events/workspace/2026-06-04/*use*",
            "warehouse/rollups/events/workspace/2026-06-04/*totals*",
        ),
        "2026-06-04",
        False,
    ),
    (
        "two tables swapped",
        swap(f"{R2}/data/features.csv", f"{R2}/data/activity.csv"),
        f"{R2[8:]}/data/activity.csv",
        True,
    ),
    ("two revisions swapped", swap(R1, R2), f"{R1[8:]}/release.json", True),
    ("two manifests swapped", swap("publish/manifests/1.json", "publish/manifests/2.json"), "manifests/1.json", True),
    (
        "the page of the other revision",
        lambda root: shutil.copy(root / R1 / "usage.html", root / R2 / "usage.html"),
        f"{R2[8:]}/usage.html",
        True,
    ),
    (
        "latest of the revision before",
        edit("publish/latest.json", lambda d: d["releases"][0].update(revision=1, path=R1[8:])),
        "latest.json",
        True,
    ),
    (
        "another head in latest",
        edit("publish/latest.json", lambda d: d.update(evidence_head="0" * 64)),
        "latest.json",
        True,
    ),
    ("a file more in a release", write(f"{R2}/data/people.csv", b"who\n"), f"{R2[8:]}/data/people.csv", True),
    ("a revision that nobody made", write("publish/releases/2026-W23/r9/usage.html", b"<p>"), "r9/usage.html", True),
    ("a page beside the index", write("publish/other.html", b"<p>"), "other.html", True),
    ("a manifest of another name", write("publish/manifests/02.json", b"{}"), "manifests/02.json", True),
    ("a manifest beyond the last", write("publish/manifests/3.json", b"{}"), "manifests/3.json", True),
    ("a manifest that is a list", write("publish/manifests/2.json", b"[]"), "manifests/2.json", True),
    ("an empty release", write(f"{R2}/release.json", b""), f"{R2[8:]}/release.json", True),
    ("evidence that is a number", write(f"{R2}/evidence.json", b"7"), f"{R2[8:]}/evidence.json", True),
    ("a segment that is none", write("warehouse/ledger/2.json", b"{}"), "ledger/2.json", False),
    (
        "a manifest with a white space more",
        lambda root: write("publish/manifests/2.json", (root / "publish/manifests/2.json").read_bytes() + b" ")(root),
        "manifests/2.json",
        True,
    ),
    (
        "a manifest that names another revision",
        edit("publish/manifests/2.json", lambda d: d["releases"][0].update(revision=3)),
        "manifests/2.json",
        True,
    ),
    (
        "a manifest that names another head",
        edit("publish/manifests/2.json", lambda d: d.update(evidence_head="0" * 64)),
        "manifests/2.json",
        True,
    ),
    (
        "a manifest without its release",
        edit("publish/manifests/2.json", lambda d: d.update(releases=[])),
        "manifests/2.json",
        True,
    ),
    (
        "a manifest that sums up otherwise",
        edit("publish/manifests/2.json", lambda d: d["releases"][0]["summary"].update(days=[7, 8])),
        f"{R2[8:]}/release.json",
        True,
    ),
    ("the last revision taken back", roll_back, "manifests/2.json", False),
    # from here on every public hash was made to fit
    ("other figures, every hash forged", another_table, "manifests/2.json", False),
    ("a table that its text does not show, every hash forged", another_csv, f"{R2[8:]}/data/features.csv", True),
    (
        "a promise said to be met, every hash forged",
        edit(f"{R1}/evidence.json", lambda d: _promise(d, "no-direct-identifiers", status="met"), rehash=True),
        f"{R1[8:]}/evidence.json",
        True,
    ),
    (
        "more partitions said to be checked, every hash forged",
        edit(f"{R2}/evidence.json", lambda d: _promise(d, "in-scope", partitions=9), rehash=True),
        f"{R2[8:]}/evidence.json",
        True,
    ),
    (
        "a failure taken out, every hash forged",
        edit(f"{R1}/evidence.json", _hush, rehash=True),
        f"{R1[8:]}/evidence.json",
        True,
    ),
    (
        "a quarantine taken out, every hash forged",
        edit(f"{R1}/evidence.json", lambda d: d["partitions"][2].update(state="accepted"), rehash=True),
        "release.json",
        True,
    ),
    (
        "the story of a repair taken out, every hash forged",
        edit(f"{R2}/evidence.json", lambda d: d["partitions"][2].update(history=[]), rehash=True),
        f"{R2[8:]}/evidence.json",
        False,
    ),
    (
        "another exact record, every hash forged",
        edit(
            f"{R2}/evidence.json", lambda d: d["partitions"][2].update(exact=d["partitions"][1]["exact"]), rehash=True
        ),
        f"{R2[8:]}/release.json",
        True,
    ),
    (
        "errata taken out, every hash forged",
        edit(f"{R2}/release.json", lambda d: d.update(errata=[]), rehash=True),
        f"{R2[8:]}/release.json",
        True,
    ),
    (
        "compared with what was not there, every hash forged",
        edit(
            f"{R2}/release.json", lambda d: d.update(compared_with=[{"period": "2026-W22", "revision": 1}]), rehash=True
        ),
        f"{R2[8:]}/release.json",
        True,
    ),
    (
        "another version, every hash forged",
        edit(f"{R2}/release.json", lambda d: d["versions"].update(duckdb="9"), rehash=True),
        f"{R2[8:]}/release.json",
        True,
    ),
]


def test_nothing_is_found_where_nothing_was_done(zone: Path) -> None:
    findings = found(zone)
    assert findings.faults == []
    assert findings.not_checked == []
    assert min(findings.checked[kind] for kind in ("manifests", "releases", "files", "records", "rollups")) > 0


def test_the_published_files_alone_are_verified_and_what_was_not_is_said(zone: Path) -> None:
    findings = found_alone(zone)
    assert findings.faults == []
    assert [what.split(":")[0] for what in findings.not_checked] == [
        "the exact records, and what the public evidence says of them",
        "whether the last release is the last, and none was rewritten",
    ]


def test_without_what_was_remembered_nobody_knows_whether_the_last_record_is_the_last(copy: Path) -> None:
    (copy / "warehouse" / memory.FILE).unlink()
    assert said_of_the_last_record(copy) == 1
    for one in (copy / "warehouse" / ledger.FOLDER).glob("*.json"):
        one.unlink()
    shutil.rmtree(copy / "warehouse/rollups")
    (copy / "warehouse" / ledger.SUM).unlink()
    assert said_of_the_last_record(copy) == 0  # no record, and none that is the last


def test_a_warehouse_in_which_nothing_ran_lacks_no_memory(tmp_path: Path) -> None:
    config = landed.zone(tmp_path)
    assert said_of_the_last_record(tmp_path) == 0
    landed.run(config, TODAY)  # nothing has landed
    assert said_of_the_last_record(tmp_path) == 0
    landed.land_events(config, rows(FIRST), day=FIRST)
    landed.run(config, FIRST + timedelta(days=1))
    assert said_of_the_last_record(tmp_path) == 0


def said_of_the_last_record(root: Path) -> int:
    return sum(what.startswith("whether the last record is the last: ") for what in found(root).not_checked)


def test_a_run_that_finds_nothing_to_do_changes_nothing_that_is_verified(copy: Path, zone: Path) -> None:
    shutil.copytree(zone / "landing", copy / "landing")
    landed.run(copy / "cetegra-usage.toml", TODAY)
    assert found(copy).faults == []


@pytest.mark.parametrize("damage", [flip, remove])
def test_what_is_derived_is_made_again_by_the_next_run(
    copy: Path, zone: Path, damage: Callable[[str], Callable[[Path], None]]
) -> None:
    shutil.copytree(zone / "landing", copy / "landing")
    landed.run(copy / "cetegra-usage.toml", TODAY)  # which remembers what is there
    for name in ("index.html", "latest.json"):
        damage(f"publish/{name}")(copy)
    assert found(copy).faults
    landed.run(copy / "cetegra-usage.toml", TODAY)
    assert found(copy).faults == []


def test_a_consent_log_of_another_chain_is_put_together_anew(copy: Path, zone: Path) -> None:
    """As after a warehouse was brought back from a backup, beside a log that is newer."""
    shutil.copytree(zone / "landing", copy / "landing")
    settings = load_settings(copy / "cetegra-usage.toml")
    file = copy / "warehouse" / "memory" / "consents.parquet"
    with job.opened(settings, TODAY) as opened:
        whole = consent_log.changes(opened)
    said = json.loads(pl.read_parquet_metadata(file)["made from"])
    for other in (said, said | {"sha256": "0" * 64}):  # of other rows; of other records
        whole.clear().write_parquet(file, metadata={"made from": json.dumps(other)})
        with job.opened(settings, TODAY) as opened:
            assert consent_log.changes(opened).equals(whole)


def test_a_consent_log_that_is_damaged_is_put_together_anew(copy: Path, zone: Path) -> None:
    """Whichever bit of it is another: nobody is judged by what it then says, and what reads it may panic."""
    shutil.copytree(zone / "landing", copy / "landing")
    file = copy / "warehouse" / "memory" / "consents.parquet"
    content = file.read_bytes()
    with job.opened(load_settings(copy / "cetegra-usage.toml"), TODAY) as opened:
        whole = consent_log.changes(opened)
        for at in range(0, 8 * len(content), len(content) // 9):
            damaged = bytearray(content)
            damaged[at // 8] ^= 1 << at % 8
            file.write_bytes(damaged)
            opened.consents = None
            assert consent_log.changes(opened).equals(whole), at


@pytest.mark.parametrize("path", ["warehouse/ledger/*", "publish/manifests/*", f"{R1}/data/features.parquet"])
def test_what_is_cut_short_is_a_stores_fault(copy: Path, zone: Path, path: str) -> None:
    """In the run that publishes the next week."""
    shutil.copytree(zone / "landing", copy / "landing")
    (copy / "warehouse" / ledger.SUM).unlink()
    file = max(copy.glob(path))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(StorageError, match=f"{file.name} .*cannot be read") as caught:
        landed.run(copy / "cetegra-usage.toml", TODAY + timedelta(days=9))
    assert "cetegra-usage verify" in caught.value.hint


def test_a_published_table_that_is_cut_short_is_a_stores_fault_to_who_looks_at_it(copy: Path) -> None:
    (copy / "landing").mkdir()
    (copy / R2 / "data/features.parquet").write_bytes(b"PAR1")
    with pytest.raises(StorageError, match=r"features\.parquet of publish cannot be read"):
        query(load_settings(copy / "cetegra-usage.toml"), "SELECT 1")


def test_without_a_memory_that_can_be_read_the_same_comes_out(copy: Path, zone: Path) -> None:
    shutil.copytree(zone / "landing", copy / "landing")
    (copy / "warehouse" / memory.FILE).write_bytes(gzip.compress(b"{}"))
    assert landed.run(copy / "cetegra-usage.toml", TODAY).releases == []


@pytest.mark.parametrize(
    ("tamper", "named", "is_public"),
    [pytest.param(*case, id=name) for name, *case in TAMPERINGS],
)
def test_a_tampering_is_found_and_named(
    copy: Path,
    tamper: Callable[[Path], None],
    named: str,
    is_public: bool,  # noqa: FBT001
) -> None:
    tamper(copy)
    findings = found(copy)
    assert findings.faults
    assert named in places(findings)
    assert bool(found_alone(copy).faults) == is_public


@pytest.mark.parametrize("writes", [40, 95])
def test_a_run_that_was_killed_and_run_again_verifies(zone: Path, tmp_path: Path, writes: int) -> None:
    for name in ("landing", "catalogue.toml", "cetegra-usage.toml"):
        source = zone / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    settings = load_settings(tmp_path / "cetegra-usage.toml")
    run_until(settings, TODAY, TODAY - timedelta(days=1), writes=writes, after=False)
    landed.run(tmp_path / "cetegra-usage.toml", TODAY)
    assert verify(settings).faults == []


def test_a_period_can_be_verified_alone(copy: Path) -> None:
    flip(f"{R2}/usage.html")(copy)
    with pytest.raises(SystemExit) as stop:
        main(["verify", "2026-W23", "--config", str(copy / "cetegra-usage.toml")])
    assert stop.value.code == 15


def test_a_period_that_was_never_released_is_no_success(zone: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["verify", "2026-W01", "--config", str(zone / "cetegra-usage.toml")])
    assert stop.value.code == 2


@pytest.mark.parametrize("made", [("landing", "warehouse", "publish"), ("landing",)])
def test_where_nothing_was_published_nothing_is_at_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: tuple[str, ...]
) -> None:
    stores = "".join(f'[{name}]\nurl = "{name}"\ncountry = "NO"\n' for name in ("landing", "warehouse", "publish"))
    for name in made:
        (tmp_path / name).mkdir()
    (tmp_path / "cetegra-usage.toml").write_text(stores, "utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["verify", "--config", str(tmp_path / "cetegra-usage.toml")])
    assert stop.value.code == 0
    assert "not checked  the published files: there are none" in capsys.readouterr().out


def test_what_is_no_folder_is_not_taken_for_one_that_is_empty(copy: Path) -> None:
    shutil.rmtree(copy / "publish")
    with pytest.raises(StorageError, match="nothing is published there"):
        found_alone(copy)
    (copy / "publish").touch()
    with pytest.raises(StorageError, match="nothing is published there"):
        found(copy)


def test_everything_taken_away_is_found_with_the_exact_records(copy: Path) -> None:
    shutil.rmtree(copy / "publish")
    (copy / "publish").mkdir()
    assert {f"manifests/{number}.json" for number in (1, 2)} <= set(places(found(copy)).splitlines())
    assert found_alone(copy).faults == []


def test_the_command_names_each_fault_as_the_contract_shapes_it(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(f"{R2}/data/features.csv")(copy)
    cut(1)(copy)
    with pytest.raises(SystemExit) as stop:
        main(["verify", "--json", "--config", str(copy / "cetegra-usage.toml")])
    assert stop.value.code == 15
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert all(set(fault) in ({"path", "what"}, {"record", "what"}) for fault in document["faults"])
    assert any(fault.get("path") == f"{R2[8:]}/data/features.csv" for fault in document["faults"])
