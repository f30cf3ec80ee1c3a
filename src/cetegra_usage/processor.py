"""What numpy may use of the processor: to be said before numpy is imported."""

from __future__ import annotations

import os
from pathlib import Path

_SETTING = "NPY_DISABLE_CPU_FEATURES"
_AVX512 = "X86_V4 AVX512_ICL"
"""numpy's names for it."""
_ZEN4 = {"vendor_id": "AuthenticAMD", "cpu family": "25"}


def choose(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Let numpy sort by AVX2 where AVX-512 is the slower of the two; a choice that was made before stays.

    AMD's Zen 4 stores the lanes that a mask selects (`vpcompressq` to memory) in microcode: a sort of four million
    numbers takes 0.25 s by that, and 0.05 s by AVX2.
    """
    if _SETTING not in os.environ and cpuinfo.exists() and _is_zen4(cpuinfo):
        os.environ[_SETTING] = _AVX512


def _is_zen4(cpuinfo: Path) -> bool:
    first: dict[str, str] = {}
    with cpuinfo.open(encoding="utf-8") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if not value:  # an empty line ends what is said of the first core
                break
            first[name.strip()] = value.strip()
    return _ZEN4.items() <= first.items() and "avx512f" in first.get("flags", "").split()
