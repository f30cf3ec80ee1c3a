"""Files that are not what they seem: each leaves its own partition incomplete, with its reason, and no other."""

from __future__ import annotations

import gzip
import io
import json
import resource
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cetegra_usage.check import evidence
from support import landed
from support.landed import DAY, EVENT, event, land

if TYPE_CHECKING:
    from pathlib import Path

    from cetegra_usage.pipeline.process import Outcome

MANY = 10_000
BOMB_BYTES = 1 << 20


def column_bomb() -> bytes:
    """Ten thousand rows of which one column holds ten gigabytes, in a file of about a megabyte."""
    rows = pa.Table.from_pylist([event(number) for number in range(MANY)], EVENT)
    feature = pa.DictionaryArray.from_arrays(pa.array([0] * MANY, pa.int32()), [b"a" * BOMB_BYTES])
    swollen = rows.set_column(5, "feature", feature.cast(pa.dictionary(pa.int32(), pa.string())))
    buffer = io.BytesIO()
    pq.write_table(
        swollen, buffer, compression="zstd", dictionary_pagesize_limit=4 * BOMB_BYTES, write_statistics=False
    )
    return buffer.getvalue()


def line_bomb() -> bytes:
    """One line of half a gigabyte in half a megabyte."""
    zeros = b"0" * (1 << 20)
    buffer = io.BytesIO()
    with gzip.open(buffer, "wb") as file:
        file.write(b'{"event_id": "')
        for _ in range(512):
            file.write(zeros)
    return buffer.getvalue()


def other_codec() -> bytes:
    """A file whose pages are compressed otherwise than its footer says."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([event(number) for number in range(500)], EVENT), buffer, compression="zstd")
    zstd, snappy = b"\x15\x0c", b"\x15\x02"  # field `codec` of a column's metadata, in Thrift's compact form
    data = buffer.getvalue()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    changed = data[:footer] + data[footer:].replace(zstd, snappy)
    assert changed != data
    return changed


whole = landed.parquet([event(1)], EVENT)
DAMAGED: dict[str, tuple[str, bytes, str]] = {
    "no Parquet": ("a.parquet", b"event_id,occurred_at\n1,2\n", "cannot be read as what its name says"),
    "an empty file": ("a.parquet", b"", "cannot be read as what its name says"),
    "cut short": ("a.parquet", whole[: len(whole) // 2], "cannot be read as what its name says"),
    "another codec": ("a.parquet", other_codec(), "cannot be read as what its name says"),
    "a line without end": ("a.ndjson.gz", line_bomb(), "cannot be read as what its name says"),
    "no gzip": ("a.ndjson.gz", landed.ndjson([event(1)]), "cannot be read as what its name says"),
    "no zstd": ("a.ndjson.zst", landed.ndjson([event(1)]), "cannot be read as what its name says"),
    "gzip cut short": ("a.ndjson.gz", gzip.compress(landed.ndjson([event(1)]))[:-12], "cannot be read"),
    "no JSON": ("a.ndjson", b"event_id=1\n", "cannot be read as what its name says"),
    "a form that nobody listed": ("a.csv", b"event_id\n1\n", "of no known form"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[date, Outcome]:
    """A day for each damage, unsealed, and a good one after them: checked in one run."""
    config = landed.zone(tmp_path_factory.mktemp("damaged"))
    last = DAY + timedelta(days=len(DAMAGED) + 1)
    for offset in range(len(DAMAGED) + 2):
        landed.land_consents(config, [], day=DAY + timedelta(days=offset))
    for offset, (name, content, _) in enumerate(DAMAGED.values()):
        land(
            config.parent / f"landing/events/service=workspace/day={DAY + timedelta(days=offset)}",
            {name: content},
            None,
        )
    bomb = config.parent / f"landing/events/service=workspace/day={last - timedelta(days=1)}"
    land(bomb, {"a.parquet": column_bomb()}, None)
    landed.land_events(config, [event(1, day=last)], day=last)
    found = landed.check(config)
    return {outcome.partition.day: outcome for outcome in found.values() if outcome.partition.kind == "events"}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_cannot_be_read_is_incomplete_and_says_why(outcomes: dict[date, Outcome], name: str) -> None:
    outcome = outcomes[DAY + timedelta(days=list(DAMAGED).index(name))]
    assert outcome.state == "incomplete"
    assert DAMAGED[name][2] in outcome.why


def test_a_column_of_ten_gigabytes_neither_passes_nor_fills_the_memory(outcomes: dict[date, Outcome]) -> None:
    outcome = outcomes[max(outcomes) - timedelta(days=1)]
    assert outcome.state in {"incomplete", "quarantined"}
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert peak_bytes < 4 << 30
    assert "aaaa" not in json.dumps(outcome.as_json())


def test_the_others_go_on(outcomes: dict[date, Outcome]) -> None:
    assert outcomes[max(outcomes)].state == "accepted"
    assert len(outcomes) == len(DAMAGED) + 2


def test_a_file_that_is_replaced_while_it_is_read_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = landed.zone(tmp_path)
    landed.land_consents(config, [])
    folder = landed.land_events(config, [event(1)], sealed=False)
    examine: Any = evidence.examine

    def meanwhile(*words: Any) -> Any:
        found = examine(*words)
        (folder / "part-0.parquet").write_bytes(landed.parquet([event(2)], EVENT))
        return found

    monkeypatch.setattr(evidence, "examine", meanwhile)
    outcome = landed.only(config)
    assert (outcome.state, outcome.why) == ("incomplete", "its files changed while they were read")
