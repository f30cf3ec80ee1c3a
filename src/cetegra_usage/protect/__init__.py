"""Protection: the only way from exact marts to published tables.

`protect` withholds, rounds, and has the result attacked before it lets it go; see docs/protection.md for the rules.
"""

from cetegra_usage.protect.audit import AuditResult
from cetegra_usage.protect.history import ReleasedTables, overlaps
from cetegra_usage.protect.protection import Protection, protect, protect_count, protect_rows

__all__ = ["AuditResult", "Protection", "ReleasedTables", "overlaps", "protect", "protect_count", "protect_rows"]
