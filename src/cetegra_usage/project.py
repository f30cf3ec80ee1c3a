"""Where the rooms are: in a checkout beside `src/`, in the wheel inside the package."""

import sys
import tomllib
from functools import cache
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

from cetegra_usage.errors import ConfigurationError

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


def read_toml(file: Path, what: str, hint: str) -> dict[str, Any]:
    """Return what a file of TOML that people write says.

    Args:
        file: The file.
        what: What it is to its reader.
        hint: What mends a fault in it.

    Raises:
        ConfigurationError: It is not there, cannot be opened, or is no TOML: then with the line.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        why = "there is no such file"
    except (OSError, UnicodeDecodeError):
        why = "it cannot be opened, or is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        why = f"it is no TOML: {str(error).rsplit('(', 1)[-1].rstrip(')')}"
    raise ConfigurationError(f"{what} ({file}) cannot be read", why=why, hint=hint)


@cache
def version() -> str:
    """Return the version of the installed package."""
    return metadata.version("cetegra-usage")


@cache
def load_flows() -> Any:
    """Load the room `flows`, which is no package: its folder is shown to whoever runs Prefect, not to importers."""
    spec = util.spec_from_file_location("cetegra_usage_flows", root() / "flows" / "usage.py")
    assert spec is not None  # noqa: S101  # the file is part of the room
    assert spec.loader is not None  # noqa: S101
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    # Workers in other processes cannot import it by name: what is sent to them carries it along.
    import_module("cloudpickle").register_pickle_by_value(module)
    return module
