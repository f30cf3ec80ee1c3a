"""What stores are held to: kills that lose nothing, and reading from a bucket against reading local files.

    PYTHONPATH=tests .venv/bin/python benchmarks/stores.py kills [--kills 200] [--seed 0] folders|ceph|azurite
    PYTHONPATH=tests .venv/bin/python benchmarks/stores.py reading [--users 20000] ceph|azurite

`kills` ends runs as by `kill -9`, half of them before or after a random write, half at a random time, up to four times
in a row; a plain run then has to publish the same bytes as one that nobody killed, with a chain that verifies and the
same last verdicts, and leave nothing that a second `retain` would find. `reading` checks the same partitions from local
files and from the bucket, in turns. `make test-stores` installs the servers.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cetegra_usage.pipeline import job, leftovers, retention, run
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.synth import generate
from support import servers
from support.mortal import run_for, run_until
from support.whole import Zone, made, on_folders, on_server, published, run_all, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cetegra_usage.pipeline.job import Spec
    from cetegra_usage.settings import Settings

FIRST, LAST, TODAY = date(2026, 4, 6), date(2026, 4, 12), date(2026, 4, 20)
MOST_KILLS_A_ROUND = 4


def kills(where: Callable[[Zone, Path], Settings], number: int, seed: int) -> int:
    """Kill runs, run again and compare; print what came of it and return the number of rounds that differ."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder, "landing"), first=FIRST, last=LAST, users=60, faults=["extra_column"])
        began = time.monotonic()
        zone = made(Path(folder), LAST, TODAY)
        usual_seconds = time.monotonic() - began
        wanted = verdicts(on_folders(zone, zone.folder / "expected"))
        dead = rounds = wrong = 0
        while dead < number:
            rounds += 1
            settings = where(zone, Path(folder, "round"))
            for _ in range(chance.randint(1, MOST_KILLS_A_ROUND)):
                if chance.random() < 1 / 2:
                    after = chance.random() < 1 / 2
                    dead += run_until(settings, TODAY, LAST, writes=chance.randrange(1, 80), after=after)
                else:
                    dead += run_for(settings, TODAY, LAST, seconds=chance.uniform(0, usual_seconds))
            run_all(zone, settings)
            left: Sequence[object] = []
            same = published(settings) == zone.expected and verdicts(settings) == wanted
            for _ in range(2):
                with job.opened(settings, TODAY) as opened:
                    left = retention.retain(opened).leftovers
            with job.opened(settings, TODAY) as opened:
                left = [*left, *leftovers.find(opened)]
            same = same and not verify(settings).faults and published(settings) == zone.expected
            wrong += not same or bool(left)
            print(
                f"round {rounds}: {dead} kills, {'the same' if same else 'DIFFERS'}, {len(left)} left over", flush=True
            )
            shutil.rmtree(Path(folder, "round"), ignore_errors=True)
    print(f"{dead} kills in {rounds} rounds: {wrong} rounds differ or leave something")
    return wrong


def reading(where: Callable[[Zone, Path], Settings], users: int) -> None:
    """Check the same partitions from files and from a bucket, in turns; print seconds, CPU seconds and their ratios."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder, "landing"), first=FIRST, last=LAST, users=users)
        zone = Zone(Path(folder), LAST, TODAY, {})
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
        both = {"files": on_folders(zone, Path(folder, "w")), "bucket": where(zone, Path(folder, "b"))}
        best: dict[str, list[float]] = {}
        for _ in range(3):
            for name, settings in both.items():
                wall, cpu = time.monotonic(), time.process_time()
                with job.opened(settings, TODAY) as opened:
                    run.check(opened, FIRST, LAST, _threads)
                found = [time.monotonic() - wall, time.process_time() - cpu]
                best[name] = [min(pair) for pair in zip(best.get(name, found), found, strict=True)]
                print(f"{name}: {found[0]:.1f} s, {found[1]:.1f} CPU s", flush=True)
    ratios = [there / here for there, here in zip(best["bucket"], best["files"], strict=True)]
    print(f"{size / 1e6:.0f} MB: bucket / files = {ratios[0]:.2f} (seconds), {ratios[1]:.2f} (CPU seconds)")


def _threads(work: Callable[[Spec, Any], Any], spec: Spec, batches: Sequence[Any], *, name: str) -> list[Any]:  # noqa: ARG001
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda batch: work(spec, batch), batches))


def main() -> int:
    """Read the command line, start the server if one is needed, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["kills", "reading"])
    parser.add_argument("store", choices=["folders", "ceph", "azurite"])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--users", type=int, default=20_000)
    asked = parser.parse_args()
    where: Callable[[Zone, Path], Settings] = on_folders
    with ExitStack() as stack:
        if asked.store != "folders":
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(getattr(servers, asked.store)(Path(folder)))
            os.environ.update(server.environment)
            where = lambda zone, _: on_server(zone, server)  # noqa: E731
        if asked.what == "kills":
            return min(1, kills(where, asked.kills, asked.seed))
        reading(where, asked.users)
    return 0


if __name__ == "__main__":
    sys.exit(main())
