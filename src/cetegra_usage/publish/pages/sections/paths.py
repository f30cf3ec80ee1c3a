"""What do users open next?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import count
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cetegra_usage.publish.pages.facts import Facts

_MOST = 10


def section(facts: Facts) -> dict[str, Any] | None:
    """Return the most frequent ways from one feature to another; None without `transitions`."""
    figures = facts.figures("transitions")
    if figures is None:
        return None
    known = [(figures.cell("transitions", **row).value, row) for row in figures if row["service"] != ALL]
    ways = sorted(
        ((value, row) for value, row in known if value is not None),
        key=lambda way: (-way[0], *way[1].values()),
    )
    told = [
        (value, _known(facts.short, row["from_feature"]), _known(facts.short, row["to_feature"]), row)
        for value, row in ways[:_MOST]
    ]
    return {
        "title": say(
            "paths.title",
            start=told[0][1],
            end=told[0][2],
            times=count(told[0][0]),
            among=say("page.among") if len(ways) < len(known) else "",
        )
        if told
        else say("paths.untitled"),
        "table": tables.make(
            figures,
            id="paths-table",
            caption=say("paths.caption", span=facts.span),
            corner=say("paths.way"),
            columns=[tables.Column(say("paths.times"), ("transitions",), ("count",), bar="most")],
            rows=[
                tables.Line(
                    say("paths.from_to", start=start, end=end),
                    row,
                    note=_known(facts.services, row["service"]),
                )
                for _, start, end, row in told
            ],
        ),
        "rest": say(
            "paths.rest" if len(ways) < len(known) else "paths.rest_all",
            shown=len(told),
            pairs=count(len(known)),
            n=len(known) - len(ways),
        )
        + (say("paths.others") if len(told) < len(ways) else ""),
    }


def _known(titles: Mapping[str, str], key: str) -> str:
    """Return a title, or the key of what the catalogue has dropped since."""
    return titles.get(key, key)
