"""The attacker: from published tables alone, what can be inferred of each withheld cell? Shares no code with the protector."""

from cetegra_usage.protect.audit.judge import AuditResult, audit

__all__ = ["AuditResult", "audit"]
