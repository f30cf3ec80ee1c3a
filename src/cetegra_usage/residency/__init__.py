"""Where a store is and whose: judged against the EEA, and refused before the first byte."""

from cetegra_usage.residency.judge import EEA, Answer, Ask, Place, Residency, apart, confirm, declare
from cetegra_usage.residency.url import Location

__all__ = ["EEA", "Answer", "Ask", "Location", "Place", "Residency", "apart", "confirm", "declare"]
