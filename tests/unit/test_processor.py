"""numpy sorts by AVX2 where AVX-512 is slower, and by what it finds best anywhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.processor import choose

if TYPE_CHECKING:
    from pathlib import Path

SETTING = "NPY_DISABLE_CPU_FEATURES"
CORE = "processor\t: 0\nvendor_id\t: {}\ncpu family\t: {}\nbugs\t:\nflags\t\t: avx2 {}\n\nprocessor\t: 1\n"


@pytest.mark.parametrize(
    ("vendor", "family", "flag", "spared"),
    [
        ("AuthenticAMD", 25, "avx512f", True),
        ("AuthenticAMD", 25, "sse4a", False),
        ("AuthenticAMD", 26, "avx512f", False),
        ("GenuineIntel", 6, "avx512f", False),
    ],
    ids=["Zen 4", "Zen 3", "Zen 5", "Intel"],
)
def test_only_one_make_is_spared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, family: int, flag: str, *, spared: bool
) -> None:
    monkeypatch.setenv(SETTING, "")
    monkeypatch.delenv(SETTING)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CORE.format(vendor, family, flag), "utf-8")
    choose(cpuinfo)
    assert (SETTING in os.environ) == spared


def test_what_was_chosen_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "AVX512_SPR")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CORE.format("AuthenticAMD", 25, "avx512f"), "utf-8")
    choose(cpuinfo)
    assert os.environ[SETTING] == "AVX512_SPR"


def test_nothing_is_chosen_where_no_processor_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "")
    monkeypatch.delenv(SETTING)
    choose(tmp_path / "cpuinfo")
    assert SETTING not in os.environ


def test_it_is_said_before_numpy_is_imported() -> None:
    asked = "import sys, cetegra_usage.processor; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
