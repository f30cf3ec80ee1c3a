"""The usage warehouse and its reports: the privacy notice as executable checks."""

from cetegra_usage.processor import choose

choose()
