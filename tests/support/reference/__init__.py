"""The contract's tables once more, in plain Python: slow, obvious, and made from the contract's words alone.

Nothing here shares a line with the SQL, the rollups or the consent intervals of the product: the two agree, or one of
them misreads the contract. Every figure is exact (`threshold = 1`, `rounding = 1`).

Where the contract leaves room, this is how it is read here:

1.  A service that never landed is like one whose first partition is still to come: its days are empty, but they do not
    make a window of `service = all` available when all its other days are missing. (Else the day it first lands would
    change the status of old figures.)
2.  A withdrawal is what ends an interval of consent. A withdrawal of what was never granted, a second one, and a grant
    and withdrawal at one instant end nothing: nobody is forgotten or left out for them; `consent_changes` counts them.
3.  "At the week's end" is after every change before the next Monday, "still withdrawn when the week and the month have
    ended" likewise: a grant at the next week's first instant comes too late for both.
4.  The withdrawal rule is kept to the letter: who withdrew before a row's beginning and came back, not yet forgotten,
    inside the row's own window, is no user of that row, though the events after the return are identified events.
5.  An event belongs to the person whose interval makes it lawful: the latest interval begun by then, else (within the
    skew) the next one.
6.  To look back `identified_days` from a day is to look at that many days, that day included.
7.  A measure of sessions without sessions (`median_seconds`, `events_per_session`), and a mean over no users, are
    `undefined`, as a ratio of nothing is.
8.  `first_use` has one window, the 56 days, whatever `within_days`.
9.  A session's begin is looked for in all history, whatever `session.max_days`.
10. Of equal rows one is kept, and then judged: of three of an unknown feature one is held, two are duplicates.
11. Feedback is missing on days after its first on which it did not land, as a service is. A recipient's rating is that
    of the last answer in the period that has one (ties: the greater event_id); each `rating_n` counts recipients.
12. A row of `service = all` about one feature takes the windows of every declared service, as any row of `all` does.
"""

from support.reference.facts import Change, Event, Fate, PartitionKey, Period, Response, World, settle
from support.reference.tables import TABLES, Row, reference

__all__ = [
    "TABLES",
    "Change",
    "Event",
    "Fate",
    "PartitionKey",
    "Period",
    "Response",
    "Row",
    "World",
    "reference",
    "settle",
]
