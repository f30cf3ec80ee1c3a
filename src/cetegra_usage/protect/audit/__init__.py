"""The attacker: what published tables alone tell of each withheld cell.

Shares no code with the protector, but for how HiGHS is called (`cetegra_usage.programme`).
"""

from cetegra_usage.protect.audit.facts import Name
from cetegra_usage.protect.audit.judge import AuditResult, audit

__all__ = ["AuditResult", "Name", "audit"]
