"""The cost of a day, whatever lies before it: CPU seconds and bytes read by the next day's run, without Prefect.

    python benchmarks/history.py [users] [days of history ...]          (200 users, 120 and 365 days without any)

Each history is landed and run once, in equal days; then two days are run in processes of their own: a Saturday, and the
Sunday after it, with which a week is published. Prints the cost of each process, and of what it did once its modules
were there, with the ratio to the shortest history.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

from cetegra_usage.quiet import silence

FRIDAY = date(2026, 10, 23)
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


def costs(users: int, days: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return what a Saturday and a Sunday cost after so many days."""
    from cetegra_usage.synth import generate  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        root, first = Path(folder), FRIDAY - timedelta(days=days - 1)
        generate(root / "landing", first=first, last=FRIDAY + timedelta(days=2), users=users)
        (root / "cetegra-usage.toml").write_text(SETTINGS, "utf-8")
        apart(root, FRIDAY + timedelta(days=1))
        return {
            "Saturday": apart(root, FRIDAY + timedelta(days=2)),
            "Sunday, and a week": apart(root, FRIDAY + timedelta(days=3)),
        }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run(Path(sys.argv[2]), date.fromisoformat(sys.argv[3]))))
        sys.exit()
    users, *histories = [int(text) for text in sys.argv[1:]] or [200]
    first: dict[str, dict[str, dict[str, float]]] = {}
    for history in histories or [120, 365]:
        found = costs(users, history)
        first = first or found
        for day, cost in found.items():
            for what, amounts in cost.items():
                told = [
                    f"{value:.2f} {name} (x {value / first[day][what][name]:.2f})" for name, value in amounts.items()
                ]
                print(f"{history} days of {users} users, then {day}, {what}: {', '.join(told)}", flush=True)
