"""No equation between the cells of a release is left undeclared, but the one of cohorts in `docs/protection.md`.

Made-up worlds are rows, exact cells columns: what is linear among the columns and holds in every world is an equation
that readers can compute with, whether `sql/marts/links.toml` says it or not.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import numpy as np
import polars as pl
from scipy import sparse

from cetegra_usage.model import Catalogue, Feature, Period
from cetegra_usage.protect import links
from support.figures import TABLES, exact
from support.reference import Change, Event, World, reference

WORLDS = 300
WEEKS = 16
"""More than any table looks back: a service's first weeks tell more."""
BEGIN = datetime(2026, 4, 6, tzinfo=UTC)
FIRST = BEGIN.date()
SERVICE, USER_TYPE = "workspace", "basic_user"
FEATURES = ("workspace.part_a", "workspace.part_b")
ACTIONS = ("open", "navigate", "submit", "order")
CATALOGUE = Catalogue(
    services={SERVICE: SERVICE},
    user_types={USER_TYPE: USER_TYPE},
    features={key: Feature(key, key, SERVICE, ACTIONS, "team", date(2026, 1, 1)) for key in FEATURES},
    notices={},
    digest="",
)


def _world(rng: np.random.Generator) -> World:
    """Four to nine people who begin and stop on some day, most with consent; nobody withdraws."""
    events: list[Event] = []
    consents: list[Change] = []

    def chance(share: float) -> bool:
        return bool(rng.random() < share)

    def random_id() -> UUID:
        return UUID(bytes=rng.bytes(16), version=4)

    for _ in range(int(rng.integers(4, 10))):
        pseudonym, busy, favourite = int(rng.integers(2**40, 2**62)), rng.uniform(0.1, 0.9), rng.random()
        is_known = chance(0.85)
        if is_known:
            consents.append(Change(pseudonym, BEGIN - timedelta(days=1), "granted"))
        begin = int(rng.integers(WEEKS * 7))
        end = int(rng.integers(begin, WEEKS * 7 + 30))
        for day in range(begin, min(end + 1, WEEKS * 7)):
            for _ in range(int(rng.integers(1, 3)) if day == begin or chance(busy) else 0):
                at = BEGIN + timedelta(days=day, minutes=int(rng.integers(60, 1300)))
                session = random_id() if is_known and chance(0.8) else None
                for _ in range(int(rng.integers(1, 7))):
                    at += timedelta(seconds=int(rng.integers(1, 200)))
                    feature, action = FEATURES[chance(favourite)], ACTIONS[int(rng.integers(4))]
                    known = (True, pseudonym, session) if is_known else (False, None, None)
                    events.append(Event(random_id(), at, SERVICE, USER_TYPE, action, feature, *known))
    days = {(SERVICE, FIRST + timedelta(days=day)): "accepted" for day in range(WEEKS * 7)}
    return World(events, consents, days, CATALOGUE)


def test_every_equation_that_holds_is_declared_or_named_in_the_documents() -> None:
    """A week with fifteen behind it, of one service, one type and two features, in 300 worlds."""
    period = Period.parse(f"{FIRST + timedelta(weeks=WEEKS - 1):%G-W%V}")
    rng = np.random.default_rng(1)
    made = [links.cells(period, exact(reference(_world(rng), period.key)), TABLES) for _ in range(WORLDS)]
    key = list(links.KEY)
    places = pl.concat([one.select(key) for one in made]).unique(maintain_order=True)
    places = places.with_row_index("cell").with_columns(pl.col("cell").cast(pl.Int64), status=pl.lit("published"))
    # A row of transitions that a world lacks is a 0.
    value = np.array(
        [places.join(one, on=key, how="left", maintain_order="left")["value"].fill_null(0) for one in made]
    )
    rows = links.resolve(places.with_columns(value=pl.lit(0, dtype=pl.Int64)), TABLES)
    matrix = sparse.csr_matrix((rows.sign.astype(float), (rows.row, rows.cell)), shape=(len(rows.equal), len(places)))
    said = matrix[rows.equal].toarray()
    said = said[~(said @ value.T).any(axis=1)]
    nothing = np.eye(len(places))[~value.any(axis=0)]  # what no world shows: withdrawals
    known = np.vstack([said, nothing, _cohorts(places)])
    assert not (known @ value.T).any()
    assert len(said) > len(places)
    undeclared = len(places) - np.linalg.matrix_rank(value) - np.linalg.matrix_rank(known)
    assert not undeclared, f"{undeclared} equations hold in every world and are not declared"


def _cohorts(places: pl.DataFrame) -> np.ndarray:
    """Cohorts stay the same while nobody withdraws; those of eight weeks are the first users, as earlier rows say."""
    cohorts = places.filter((pl.col("table") == "retention") & (pl.col("measure") == "cohort_users"))
    found: list[np.ndarray] = []
    for _, own in cohorts.group_by("first", "service", "user_type", maintain_order=True):
        cells = own["cell"].to_numpy()
        same = np.zeros((len(cells) - 1, len(places)))
        same[np.arange(len(same)), cells[:-1]], same[np.arange(len(same)), cells[1:]] = 1, -1
        found.append(same)
    one = {"service": SERVICE, "user_type": USER_TYPE}
    users = places.filter(table="first_use", measure="users", feature="all", extra="1", **one)
    weeks = cohorts.filter(pl.col("first") > users["last"][0] - timedelta(days=56), extra="0", **one)
    total = np.zeros((1, len(places)))
    total[0, users["cell"].to_numpy()], total[0, weeks["cell"].to_numpy()] = 1, -1
    return np.vstack([*found, total])
