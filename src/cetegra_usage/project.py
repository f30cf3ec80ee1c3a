"""Where the rooms are: in a checkout beside `src/`, in the wheel inside the package."""

from functools import cache
from importlib import metadata
from pathlib import Path

ROOMS = ("flows", "sql", "expectations", "reports")


@cache
def root() -> Path:
    """Return the folder that holds the rooms `flows`, `sql`, `expectations` and `reports`.

    Raises:
        RuntimeError: The installation is broken: neither a checkout nor a wheel holds the rooms.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here / "_rooms", here.parents[1]):
        if all((candidate / room).is_dir() for room in ROOMS):
            return candidate
    msg = f"the rooms {', '.join(ROOMS)} are neither in a checkout nor in the wheel: reinstall cetegra-usage"
    raise RuntimeError(msg)


@cache
def version() -> str:
    """Return the version of the installed package."""
    return metadata.version("cetegra-usage")
