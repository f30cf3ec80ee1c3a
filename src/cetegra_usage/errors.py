"""One family of errors: each says what happened, why, and which command comes next.

A message never carries a value out of a row: it names columns, files, settings and counts.
"""

from typing import Any, ClassVar


class CetegraUsageError(Exception):
    """Base of every error that a user can act on; shown without a traceback.

    Args:
        what: What happened, in one line.
        why: The rule or the circumstance behind it.
        hint: The next command, or the thing to change.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.why, self.hint)

    def as_json(self) -> dict[str, str]:
        """Return the error as the `--json` document shows it."""
        return {"code": self.code, "what": self.what, "why": self.why, "hint": self.hint}

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the error in the `--json` document of a command that ends with it."""
        return {}


def _rebuild(kind: type[CetegraUsageError], what: str, why: str, hint: str) -> CetegraUsageError:
    """Rebuild an error that crossed a process border."""
    return kind(what, why=why, hint=hint)


class UsageError(CetegraUsageError):
    """Raised when a command is called with words that it does not take."""

    code = "usage"
    exit_code = 2


class ConfigurationError(CetegraUsageError):
    """Raised when a setting, the catalogue or a file of the rooms cannot be used."""

    code = "configuration"
    exit_code = 10


class StorageError(CetegraUsageError):
    """Raised when a store does not answer, refuses, or breaks a promise it must keep."""

    code = "storage"
    exit_code = 11


class ResidencyError(CetegraUsageError):
    """Raised before the first byte when a store is not shown to lie in the EEA, or whose it is is not declared."""

    code = "residency"
    exit_code = 12


class DisclosureError(CetegraUsageError):
    """Raised when a release would tell an attacker more than the thresholds allow."""

    code = "disclosure"
    exit_code = 14


class EvidenceError(CetegraUsageError):
    """Raised when a record, a release or a manifest is not what its hash says."""

    code = "evidence"
    exit_code = 15


class IncompletePartitionError(CetegraUsageError):
    """Raised when a partition cannot be read whole now; it is tried again next time."""

    code = "incomplete"
    exit_code = 16
