"""The cost of a day, whatever lies before it: CPU seconds and bytes read by the next day's run, without Prefect.

    python benchmarks/history.py [users] [days of history ...]          (200 users, 120 and 365 days without any)

Each history is landed and run. Its last days are those of the shortest one, to the byte; before them is more of other
people. Then two equal days are run in processes of their own: a Saturday, and the Sunday after it, with which a week is
published. That is done three times, one history after the other, since no machine is as fast all the time: the least
counts. Prints the cost of each process, and of what it did once its modules were there, with the ratio to the shortest
history.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from cetegra_usage.quiet import silence

if TYPE_CHECKING:
    from collections.abc import Sequence

FRIDAY = date(2026, 10, 23)
STORES = ("warehouse", "publish")
TIMES = 3
SETTINGS = """\
[landing]
url = "landing"
country = "NO"
[warehouse]
url = "warehouse"
country = "NO"
[publish]
url = "publish"
country = "NO"
[catalogue]
path = "landing/catalogue.toml"
[disclosure]
threshold = 1
rounding = 1
"""


def run(folder: Path, today: date) -> dict[str, dict[str, float]]:
    """Run what is pending on a day; return CPU seconds and bytes read, of the process and of its work alone."""
    from cetegra_usage.pipeline import job  # noqa: PLC0415  # what starting costs is no part of the day
    from cetegra_usage.pipeline import run as runs  # noqa: PLC0415
    from cetegra_usage.settings import load_settings  # noqa: PLC0415

    silence()
    for module in ("cetegra_usage.pipeline.releases", "cetegra_usage.pipeline.forgetting"):
        import_module(module)
    import_module("great_expectations.expectations")
    before = spent()
    with job.opened(load_settings(folder / "cetegra-usage.toml"), today) as opened:
        runs.run(opened, *job.days_to_take(opened, None, None))
    process = spent()
    return {"process": process, "work": {name: process[name] - before[name] for name in process}}


def spent() -> dict[str, float]:
    """Return the CPU seconds of this process so far, and the megabytes that it has read, cached or not."""
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    read = next(int(line.split()[1]) for line in lines if line.startswith("rchar"))
    return {"CPU s": time.process_time(), "MB read": read / 1e6}


def apart(folder: Path, today: date) -> dict[str, dict[str, float]]:
    """Run a day in a process of its own."""
    command = [sys.executable, __file__, "--run", str(folder), today.isoformat()]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def prepare(root: Path, users: int, days: int, equal: int) -> None:
    """Land a history, its last days those of every other, and the two after it; run what is over on Saturday's eve."""
    from cetegra_usage.synth import generate  # noqa: PLC0415

    begin = FRIDAY - timedelta(days=equal - 1)
    if days > equal:
        first, last = FRIDAY - timedelta(days=days - 1), begin - timedelta(days=1)
        generate(root / "landing", first=first, last=last, users=users, seed=1)
    generate(root / "landing", first=begin, last=FRIDAY + timedelta(days=2), users=users)
    (root / "cetegra-usage.toml").write_text(SETTINGS, "utf-8")
    apart(root, FRIDAY + timedelta(days=1))
    for store in STORES:
        shutil.copytree(root / store, root / "eve" / store)


def costs(root: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return what a Saturday and a Sunday cost after a history."""
    for store in STORES:
        shutil.rmtree(root / store)
        shutil.copytree(root / "eve" / store, root / store)
    return {
        "Saturday": apart(root, FRIDAY + timedelta(days=2)),
        "Sunday, and a week": apart(root, FRIDAY + timedelta(days=3)),
    }


def main(users: int, histories: Sequence[int]) -> None:
    """Print a line a history, day and kind of cost."""
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        roots = {days: Path(folder) / str(days) for days in histories}
        for days, root in roots.items():
            prepare(root, users, days, min(histories))
        found: dict[int, list[dict[str, dict[str, dict[str, float]]]]] = {days: [] for days in histories}
        for _ in range(TIMES):
            for days, root in roots.items():
                found[days].append(costs(root))
    for day, what in product(found[histories[0]][0], ("process", "work")):
        least = {
            days: {name: min(cost[day][what][name] for cost in several) for name in ("CPU s", "MB read")}
            for days, several in found.items()
        }
        for days, amounts in least.items():
            told = [
                f"{value:.2f} {name} (x {value / least[histories[0]][name]:.2f})" for name, value in amounts.items()
            ]
            print(f"{days} days of {users} users, then {day}, {what}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run(Path(sys.argv[2]), date.fromisoformat(sys.argv[3]))))
        sys.exit()
    given = [int(text) for text in sys.argv[1:]]
    main(given[0] if given else 200, given[1:] or [120, 365])
