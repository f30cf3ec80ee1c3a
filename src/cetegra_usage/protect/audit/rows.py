"""What the declared links say of the cells that an attacker has read."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cetegra_usage.protect.audit.facts import Facts, Name

    Place = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One row: the parts' sum (or each of them) against the whole.

    Attributes:
        whole: The number of the whole.
        parts: The numbers of the parts.
        relation: `=` the sum is the whole; `<=` at most the whole; `>=` at least the whole.
        nearly: Whether it may fail by a few people.
        rest: Whether what the part lacks of the whole is a group of people.
    """

    whole: int
    parts: tuple[int, ...]
    relation: str
    nearly: bool
    rest: bool


_DAY = timedelta(days=1)
_RELATION = {"sum": "=", "same": "=", "most": "<=", "within": "<=", "cover": ">="}


def statements(facts: Facts, declared: Sequence[Mapping[str, Any]]) -> Iterator[Statement]:
    """Yield every row that the links of `links.toml` make of what was read."""
    by_measure: dict[tuple[str, str], list[Name]] = defaultdict(list)
    for name in (*facts.numbers, *facts.absent):
        by_measure[name.table, name.measure].append(name)
    for link in declared:
        tables = link.get("tables")
        for whole_table, parts_table in (
            [(table, table) for table in tables] if tables else [(link["whole_table"], link["parts_table"])]
        ):
            measures = link.get("measures") or [
                [measure, measure] for table, measure in tuple(by_measure) if table == whole_table
            ]
            for head, *tail in measures:
                wholes = by_measure.get((whole_table, head), [])
                parts = [name for measure in tail for name in by_measure.get((parts_table, measure), [])]
                yield from _link(link, facts, wholes, parts)


def _link(link: Mapping[str, Any], facts: Facts, wholes: Sequence[Name], parts: Sequence[Name]) -> Iterator[Statement]:
    here, there = link.get("whole", {}), link.get("parts", {})
    time = link.get("time", "same")
    named = {*here, *there}
    following = _following(parts, there)
    fitting = _fitting(parts, there, named)
    index: dict[Any, list[Name]] = defaultdict(list)
    for part in parts:
        if part.place in fitting:
            when = part.first - _DAY if time == "next" else _when(part, time)
            index[fitting[part.place], when].append(part)
    least, most = link.get("days", (1, 366))
    fitting = _fitting(wholes, here, named)
    for cell in wholes:
        if cell.place not in fitting or cell not in facts.numbers:
            continue
        whole = cell._replace(first=cell.last - timedelta(days=link["back"] - 1)) if "back" in link else cell
        if not least <= (whole.last - whole.first).days + 1 <= most:
            continue
        found = index.get((fitting[cell.place], _when(whole, time)), [])
        if following is not None:
            dimension, after = following
            wanted = after.get(dict(whole.place)[dimension])
            found = [part for part in found if dict(part.place)[dimension] == wanted]
        if time == "inside":
            found = [
                part
                for part in found
                if part.first >= whole.first and part.last <= whole.last and _shorter(part, whole)
            ]
        elif time == "overlapping":
            found = [
                part
                for part in found
                if part.first <= whole.last and part.last >= whole.first and _shorter(part, whole)
            ]
        yield from _statements(link, facts, (facts.numbers[cell], whole), found)


def _statements(
    link: Mapping[str, Any], facts: Facts, head: tuple[int, Name], found: Sequence[Name]
) -> Iterator[Statement]:
    (number, whole), relation = head, _RELATION[link["relation"]]
    nearly, rest = link.get("nearly", False), link.get("rest", False)
    parts = [facts.numbers[part] for part in found if part in facts.numbers]
    if not parts:
        return
    if link["relation"] in {"same", "within"}:
        for part in parts:
            yield Statement(number, (part,), relation, nearly, rest)
        return
    if link.get("time") in {"inside", "overlapping"}:
        days = sum((min(part.last, whole.last) - max(part.first, whole.first)).days + 1 for part in found)
        if days < (whole.last - whole.first).days + 1:
            if relation == ">=":
                return
            relation = "<="
    if link.get("missing") == "unknown" and len(parts) < len(found):
        relation = "<="
    yield Statement(number, tuple(parts), relation, nearly, rest)


def _fitting(names: Sequence[Name], where: Mapping[str, Any], named: set[str]) -> dict[Place, Place]:
    """Return what whole and part must share of each place that fits: few places recur in many measures and windows."""
    return {place: _shared(place, named) for place in {name.place for name in names} if _fits(place, where)}


def _fits(place: Place, where: Mapping[str, Any]) -> bool:
    at = dict(place)
    return all(
        wanted in {"any", "next"} or (at[dimension] != "all" if wanted == "each" else at[dimension] == str(wanted))
        for dimension, wanted in where.items()
        if dimension in at
    )


def _shared(place: Place, named: set[str]) -> Place:
    """Return the dimensions that whole and part must have in common; one that only one of them has is none."""
    return tuple(pair for pair in place if pair[0] not in named)


def _when(name: Name, time: str) -> Any:
    return (name.first, name.last) if time == "same" else name.last if time in {"last", "next"} else None


def _shorter(part: Name, whole: Name) -> bool:
    return part.last - part.first < whole.last - whole.first


def _following(parts: Sequence[Name], there: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
    dimension = next((name for name, wanted in there.items() if wanted == "next"), None)
    if dimension is None:
        return None
    values = sorted({dict(part.place)[dimension] for part in parts}, key=int)
    return dimension, {value: values[place + 1] for place, value in enumerate(values[:-1])}
