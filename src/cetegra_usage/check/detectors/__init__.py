"""Detectors: what personal data looks like, in a value, a name or the catalogue.

`expectations/detectors.toml` lists them. Nothing here returns, logs or raises with a value: only ids and places.
"""

from cetegra_usage.check.detectors.listing import Detector, detectors
from cetegra_usage.check.detectors.search import (
    LONGEST,
    Finding,
    detect,
    detect_misplaced,
    detect_name,
    judge_catalogue,
)

__all__ = [
    "LONGEST",
    "Detector",
    "Finding",
    "detect",
    "detect_misplaced",
    "detect_name",
    "detectors",
    "judge_catalogue",
]
