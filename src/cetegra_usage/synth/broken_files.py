"""Ways to damage a partition's folder after it was written: its files no longer are what its seal says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.synth.files import seal_entry, sealed, write_seal

if TYPE_CHECKING:
    from pathlib import Path


def cut_file(folder: Path) -> None:
    """Cut the file in half."""
    file = _file(folder)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def change_file(folder: Path) -> None:
    """Flip one bit in the middle of the file."""
    file = _file(folder)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def lose_file(folder: Path) -> None:
    """Let the seal list a second file, which never came."""
    entry = sealed(folder)[0]
    write_seal(folder, [entry, {**entry, "name": "part-1" + entry["name"].removeprefix("part-0")}])


def add_file(folder: Path) -> None:
    """Put a second file beside the first, which the seal does not list."""
    file = _file(folder)
    (folder / file.name.replace("part-0", "part-1")).write_bytes(file.read_bytes())


def write_nonsense(folder: Path) -> None:
    """Put into the file what is not of the form that its name says, under a seal that fits."""
    file = _file(folder)
    data = b"this is not what the file's name says\n"
    rows = sealed(folder)[0]["rows"]
    file.write_bytes(data)
    write_seal(folder, [seal_entry(file.name, data, rows)])


def _file(folder: Path) -> Path:
    return folder / sealed(folder)[0]["name"]
