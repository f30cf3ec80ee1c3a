"""The file of definitions says what the contract says: every table, grain and measure, and what each is made of."""

import pytest

from cetegra_usage.definitions import markdown, tables
from cetegra_usage.project import root

CONTRACT = {
    "activity": (
        "day service user_type",
        "events identified_events coverage dau wau mau stickiness",
    ),
    "features": (
        "service user_type feature",
        (
            "events share_of_events opens navigations submits orders identified_events coverage"
            " users active_users adoption events_per_user new_users"
        ),
    ),
    "feature_weeks": ("week service user_type feature", "events users active_users adoption"),
    "engagement": ("service user_type active_days", "users"),
    "lifecycle": ("week service user_type", "new returning resurrected dormant withdrawn"),
    "retention": ("cohort_week service user_type weeks_since", "cohort_users active_users retention"),
    "sessions": ("service user_type", "sessions median_seconds events_per_session"),
    "transitions": ("service from_feature to_feature", "transitions"),
    "funnels": ("service user_type feature", "sessions_opened sessions_completed completion"),
    "first_use": ("service user_type feature within_days", "users adopters share"),
    "consent_changes": ("day", "granted withdrawn"),
    "feedback": (
        "notice",
        ("shown opened dismissed answered response_rate mean_rating rating_1 rating_2 rating_3 rating_4 rating_5"),
    ),
}


def test_the_tables_are_those_of_the_contract() -> None:
    found = {
        name: (" ".join(table.grain), " ".join(measure.name for measure in table.measures))
        for name, table in tables().items()
    }
    assert found == CONTRACT


@pytest.mark.parametrize("table", CONTRACT)
def test_who_is_counted_is_said_and_coverage_stands_beside(table: str) -> None:
    definition = tables()[table]
    names = {measure.name for measure in definition.measures}
    for measure in definition.measures:
        if measure.of == "users":
            assert measure.who == "consented"
            assert measure.coverage == ("coverage" if "coverage" in names else None)
        if measure.who == "everybody":
            assert "user" not in measure.name
            assert "conver" not in measure.title.lower()


def test_the_page_of_measures_is_made_from_the_file() -> None:
    assert (root() / "docs" / "measures.md").read_text("utf-8") == markdown()
