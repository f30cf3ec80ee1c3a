"""The cost of a day, whatever lies before it: CPU seconds and bytes read by the next day's run, without Prefect.

    python benchmarks/history.py [days of history ...]          (120 365 without any)

Each history is landed and run once, in small equal days; then two days are run in processes of their own: a Saturday,
and the Sunday after it, with which a week is published. Prints both, and the ratio to the shortest history.
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


def run(folder: Path, today: date) -> dict[str, float]:
    """Run what is pending on a day; return CPU seconds, bytes read and releases made."""
    from cetegra_usage.pipeline import job  # noqa: PLC0415  # what starting costs is no part of the day
    from cetegra_usage.pipeline import run as runs  # noqa: PLC0415
    from cetegra_usage.settings import load_settings  # noqa: PLC0415

    for module in ("cetegra_usage.quiet", "cetegra_usage.pipeline.releases", "cetegra_usage.pipeline.forgetting"):
        import_module(module)
    import_module("great_expectations.expectations")
    cpu, read = time.process_time(), bytes_read()
    with job.opened(load_settings(folder / "cetegra-usage.toml"), today) as opened:
        report = runs.run(opened, *job.days_to_take(opened, None, None))
    return {
        "cpu_seconds": time.process_time() - cpu,
        "bytes_read": bytes_read() - read,
        "releases": len(report.releases),
    }


def bytes_read() -> int:
    """Return the bytes that this process has read so far, from files or out of a cache."""
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


def apart(folder: Path, today: date) -> dict[str, float]:
    """Run a day in a process of its own."""
    command = [sys.executable, __file__, "--run", str(folder), today.isoformat()]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def costs(days: int) -> dict[str, dict[str, float]]:
    """Return what a Saturday and a Sunday cost after so many days."""
    from cetegra_usage.synth import generate  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        root = Path(folder)
        generate(root / "landing", first=FRIDAY - timedelta(days=days - 1), last=FRIDAY + timedelta(days=2), users=200)
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
    histories = [int(text) for text in sys.argv[1:]] or [120, 365]
    first: dict[str, dict[str, float]] = {}
    for history in histories:
        found = costs(history)
        first = first or found
        for day, cost in found.items():
            ratios = ", ".join(
                f"{name} x {cost[name] / first[day][name]:.2f}" for name in ("cpu_seconds", "bytes_read")
            )
            spent = f"{cost['cpu_seconds']:.2f} CPU s, {cost['bytes_read'] / 1e6:.1f} MB read"
            print(f"{history} days, then {day}: {spent}, {cost['releases']:.0f} released; {ratios}", flush=True)
