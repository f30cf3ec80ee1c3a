"""What the page says when figures are withheld, missing, alone, or not protected."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import TYPE_CHECKING

import polars as pl
import pytest

import preview
from cetegra_usage.model import ALL, Period
from cetegra_usage.pipeline.releases import summary
from cetegra_usage.publish.pages import compliance, index, usage
from cetegra_usage.publish.pages.view import ReleaseEntry
from support import released

if TYPE_CHECKING:
    from pathlib import Path

    from cetegra_usage.publish.pages.view import ReleaseView


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<(style|script|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)))


def without_figures(view: ReleaseView, status: str, *names: str) -> ReleaseView:
    """Return the release with every cell of some tables of that status."""
    tables = dict(view.tables)
    for name in names or tables:
        frame = tables[name].frame
        measures = [column for column in frame.columns if f"{column}_status" in frame.columns]
        tables[name] = released.Released(
            name,
            frame.with_columns(
                *(pl.lit(None, frame.schema[measure]).alias(measure) for measure in measures),
                *(pl.lit(status).alias(f"{measure}_status") for measure in measures),
            ),
        )
    return replace(view, tables=tables)


def test_banner_where_nothing_is_protected(week: ReleaseView) -> None:
    loose = replace(week, threshold=4)
    assert "Not protected." in usage.render(loose)
    assert "Not protected." in compliance.render(loose.evidence, loose)
    assert "Not protected." not in usage.render(replace(week, threshold=5))


def test_notes_of_what_is_not_protected_promise_no_protection(week: ReleaseView) -> None:
    assert "fewer than 10 people is withheld" in text_of(usage.render(week))
    page = text_of(usage.render(replace(week, threshold=1, rounding=1)))
    assert "No figure is withheld, and no count is rounded." in page
    assert "fewer than 1 people" not in page


def test_note_where_no_audit_was_made(week: ReleaseView) -> None:
    bare = {key: value for key, value in week.evidence.items() if key != "audit"}
    for evidence in (bare, {**bare, "audit": None}):
        view = replace(week, evidence=evidence)
        assert "Totals are not yet protected" in usage.render(view)
        assert "Totals are not yet protected" in compliance.render(evidence, view)
    assert "Totals are not yet protected" not in usage.render(week)


@pytest.mark.parametrize(("status", "symbol"), [("withheld", "c"), ("unavailable", "x"), ("undefined", "z")])
def test_a_release_without_a_single_figure_shows_symbols_and_no_zero(
    week: ReleaseView, status: str, symbol: str
) -> None:
    page = usage.render(without_figures(week, status))
    cells = re.findall(r"<td[^>]*>(.*?)(?=<t[dr]|</t)", page, re.DOTALL)
    assert sum(f"[{symbol}]" in cell for cell in cells) > 100
    assert not any(re.fullmatch(r"0%?", re.sub(r"<[^>]+>", "", cell).strip()) for cell in cells)


def test_what_is_missing_is_not_counted_among_what_everybody_uses(week: ReleaseView) -> None:
    said = "Not used by anybody (0) None of those whose events can be shown."
    assert said in text_of(usage.render(without_figures(week, "unavailable", "features")))
    assert "whose events can be shown" not in text_of(usage.render(week))


def test_rows_wholly_withheld_fold_into_one_line(week: ReleaseView) -> None:
    page = text_of(usage.render(without_figures(week, "withheld", "features")))
    assert "20 features are withheld [c] for every type: " in page


def test_days_give_way_to_weeks_where_most_are_withheld(week: ReleaseView) -> None:
    frame = week.tables["activity"].frame
    admin = pl.col("user_type") == "it_admin"
    hidden = frame.with_columns(
        pl.when(admin).then(None).otherwise(pl.col("dau")).alias("dau"),
        pl.when(admin).then(pl.lit("withheld")).otherwise(pl.col("dau_status")).alias("dau_status"),
    )
    page = usage.render(replace(week, tables={**week.tables, "activity": released.Released("activity", hidden)}))
    assert "Most days are withheld [c] for IT admin" in text_of(page)
    assert 'id="day-it_admin-t"' not in page
    assert 'id="week-it_admin-t"' in page


def test_missing_days_are_named_and_nothing_is_compared_with_them(month: ReleaseView) -> None:
    page = text_of(usage.render(month))
    assert "2 of 60 days of the services are missing" in page
    assert "Cetegra Workspace, Tue 14 Apr: quarantined" in page
    assert "Cetegra Docs, Tue 21 Apr: nothing arrived" in page
    assert "not compared with March 2026: days are missing" in page
    assert "[p]" in page


def test_a_day_without_a_record_is_not_a_passed_one(week: ReleaseView) -> None:
    kept = [one for one in week.evidence["partitions"] if one["id"] != "events/docs/2026-04-23"]
    bare = replace(week, evidence={**week.evidence, "partitions": kept})
    assert "1 of 14 days of the services is missing" in text_of(usage.render(bare))
    assert "Thu 23 Apr: no record" in text_of(compliance.render(bare.evidence, bare))


def test_changes_are_told_where_they_can_be(week: ReleaseView) -> None:
    page = text_of(usage.render(week))
    assert re.search(r"active users, up [\d.]+% on week 16 of 2026", page)
    assert re.search(r"rose most, from [\d.]+% to [\d.]+%", page)
    assert re.search(r"[▲▼] [\d.]+% on week 17 of 2025", page)


def test_first_release_has_nothing_to_compare_with() -> None:
    page = text_of(usage.render(released.release("2026-W17", compare=False)))
    assert "There is no earlier release" in page
    assert "▲" not in page
    assert "▼" not in page


def test_a_table_that_does_not_exist_leaves_its_section_out(week: ReleaseView) -> None:
    for name in week.tables:
        tables = {key: table for key, table in week.tables.items() if key != name}
        assert "<main" in usage.render(replace(week, tables=tables))
    empty = released.Released("transitions", week.tables["transitions"].frame.head(0))
    page = usage.render(replace(week, tables={**week.tables, "transitions": empty}))
    assert 'id="paths"' not in page
    assert "<main" in usage.render(replace(week, tables={}))


def test_a_table_without_a_row_says_so(week: ReleaseView) -> None:
    everything = week.tables["funnels"].frame.with_columns(feature=pl.lit(ALL))
    page = usage.render(replace(week, tables={**week.tables, "funnels": released.Released("funnels", everything, {})}))
    assert 'id="funnels-table"' not in page
    assert "None in this period." in text_of(page)
    assert "None in this period." not in text_of(usage.render(week))


def test_no_pair_is_called_withheld_where_none_is(week: ReleaseView) -> None:
    shown = week.tables["transitions"].frame.drop_nulls()
    page = usage.render(
        replace(week, tables={**week.tables, "transitions": released.Released("transitions", shown, {})})
    )
    assert "pairs are withheld [c]" in text_of(usage.render(week))
    assert "withheld [c]. All others" not in text_of(page)
    assert f"10 of {shown.height} pairs of features that occurred. All others are in the data files." in text_of(page)


def test_a_period_without_a_day_says_so(week: ReleaseView) -> None:
    parts = [{**one, "state": "missing"} for one in week.evidence["partitions"]]
    view = replace(without_figures(week, "unavailable"), evidence={**week.evidence, "partitions": parts})
    page = text_of(usage.render(view))
    assert "Nothing arrived whole on any of the 14 days of the services" in page
    assert "How many events everybody together made is not published for this period." in page
    assert "[x] events" not in page


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ({}, "Complete: all 7 days are in, of each of the 2 services"),
        ({"docs": 8}, "Complete: all 7 days are in"),
        (
            {"docs": 2},
            "Complete: every day is in, of each of the 2 services that began; Cetegra Docs began on Wed 22 Apr",
        ),
        ({"workspace": 8, "docs": 2}, "Complete: every day is in; Cetegra Docs began on Wed 22 Apr"),
        ({"workspace": 8, "docs": 8}, "No service began in this period or before it"),
    ],
)
def test_days_before_a_service_began_are_not_called_complete(
    week: ReleaseView, first: dict[str, int], said: str
) -> None:
    parts = [
        {**one, "state": "empty"}
        if date.fromisoformat(one["day"]) < week.period.first + timedelta(days=first.get(one["service"], 0))
        else one
        for one in week.evidence["partitions"]
    ]
    page = usage.render(replace(week, evidence={**week.evidence, "partitions": parts}))
    assert f">{said}</h2>" in page


def test_the_pages_can_be_looked_at_while_words_change(tmp_path: Path) -> None:
    preview.main(tmp_path)
    assert len([*tmp_path.glob("*.html")]) == 5


def test_revision_says_what_it_corrects(week: ReleaseView) -> None:
    page = text_of(usage.render(released.revised(week)))
    assert "activity: 12 figures changed; cause: late data." in page
    assert "revision 2" in page


def test_users_are_never_said_of_what_counts_everybody(month: ReleaseView) -> None:
    everybody = {
        (name, measure.name)
        for name, table in month.definitions.items()
        for measure in table.measures
        if measure.who == "everybody" and measure.of == "events" and measure.kind == "count"
    }
    headings = re.findall(r'<table[^>]*data-t="(\w+)"[^>]*>(.*?)</thead>', usage.render(month), re.DOTALL)
    assert headings
    for table, head in headings:
        for measures, title in re.findall(r'data-m="([\w ]+)@[^"]*"[^>]*>([^<]*)<', head):
            if (table, measures.split()[0]) in everybody:
                assert "everybody" in title.lower()
                assert "user" not in title.lower()


def test_symbols_definitions_and_files_are_there(month: ReleaseView) -> None:
    page = text_of(usage.render(month))
    for symbol in ("[c]", "[x]", "[z]", "[p]"):
        assert symbol in page
    for table in month.tables:
        assert all(measure.definition in page for measure in month.definitions[table].measures)
    for file in month.files:
        assert file.path in page
        assert file.sha256 in page
    assert "release.json" in page


def test_withheld_counts_of_the_evidence_stay_withheld(month: ReleaseView) -> None:
    hidden = {
        **month.evidence,
        "withheld": {"cells": "withheld", "withheld": "withheld", "by_rule": {"threshold": "withheld"}},
    }
    view = replace(month, evidence=hidden)
    assert "threshold [c]" in text_of(compliance.render(hidden, view))
    assert "Few of the published cells, if any" in text_of(usage.render(view))


def test_compliance_has_a_row_a_promise_and_a_field_a_day(month: ReleaseView) -> None:
    page = compliance.render(month.evidence, month)
    for promise in month.evidence["promises"]:
        assert f'id="promise.{promise["id"]}"' in page
    for partition in month.evidence["partitions"]:
        assert page.count(f'href="#{partition["id"].replace("/", ".")}"') >= 1
    assert page.count('<li class="quarantined">') == 1
    assert page.count('<li class="missing">') == 1
    text = text_of(page)
    for words in (
        "Not met",
        "Met",
        "Not checked",
        "Not applicable",
        "Needs a decision",
        "processor:Example AB",
        "proven",
        "declared",
    ):
        assert words in text


def test_index_lists_newest_first_with_errata(entries: list[ReleaseEntry]) -> None:
    page = index.render(entries)
    order = [page.index(f'id="{key}"') for key in ("2026-04", "2026-03", "2026-W15", "2026-W14")]
    assert order == sorted(order)
    assert "activity: 12 figures changed, late data" in text_of(page)
    assert index.render(entries[::-1]) == page
    assert "Nothing has been released yet" in index.render([])


@pytest.mark.parametrize(
    ("statuses", "state", "said"),
    [
        (("met", "not_met", "not_checked"), "not_met", "! not met"),
        (("met", "not_checked", "needs_decision"), "met", "✓ none broken"),
        (("not_applicable", "not_checked", "needs_decision"), "not_checked", "○ not checked"),
    ],
)
def test_index_calls_unbroken_only_what_was_checked(statuses: tuple[str, ...], state: str, said: str) -> None:
    document = {"threshold": 4, "partitions": [], "promises": [{"status": status} for status in statuses]}
    assert summary(document, (), ())["state"] == state
    entry = ReleaseEntry(Period.parse("2026-W14"), 1, "releases/2026-W14/r1", [], state, (0, 0))
    assert said in text_of(index.render([entry]))
    assert "Not protected" not in text_of(index.render([entry]))
    bare = replace(entry, threshold=summary(document, (), ())["threshold"])
    assert "Not protected. Figures of fewer than five people can stand in 2026-W14" in text_of(index.render([bare]))


def test_compliance_of_nothing_checked_says_so(week: ReleaseView) -> None:
    unproven = {**week.evidence, "promises": [{**one, "status": "not_checked"} for one in week.evidence["promises"]]}
    page = text_of(compliance.render(unproven, week))
    assert "No promise could be checked against these data" in page
    assert "none was broken" not in page


def test_a_notice_that_came_later_is_not_called_unchecked(week: ReleaseView) -> None:
    later = [{**one, "status": "not_applicable", "since": "2026-05"} for one in week.evidence["promises"]]
    evidence = {**week.evidence, "promises": later}
    for page in (usage.render(replace(week, evidence=evidence)), compliance.render(evidence, week)):
        assert "The privacy notice came later than these data: no promise holds for them yet" in text_of(page)
    assert "holds from 2026\u201105" in compliance.render(evidence, week)


def test_features_are_compared_with_the_year_before(week: ReleaseView) -> None:
    assert week.year_before
    page = usage.render(week)
    assert "Change on week 17 of 2025" in page
    where = (pl.col("service") == "workspace", pl.col("user_type") == ALL, pl.col("feature") == "search.results")
    now, ago = (
        frame.filter(*where)["adoption"].item()
        for frame in (week.tables["features"].frame, week.year_before.tables["features"])
    )
    row = page.partition('id="feature.search.results"')[2].partition("<tr")[0]
    assert f">{'▲' if now > ago else '▼'} {abs(now - ago) * 100:.1f}<td" in row
    began = {key: replace(one, since=date(2026, 1, 1)) for key, one in week.catalogue.features.items()}
    young = usage.render(replace(week, catalogue=replace(week.catalogue, features=began)))
    assert "Change on week 17 of 2025" not in young


def test_index_of_years_says_once_what_each_release_holds() -> None:
    weeks = [f"{year}-W{number:02}" for year in (2024, 2025) for number in range(1, 53)]
    many = [
        ReleaseEntry(Period.parse(key), 1, f"releases/{key}/r1", ["Activity by day", "Sessions"], "met", (14, 14))
        for key in weeks
    ]
    page = index.render(many)
    assert page.count("Activity by day") == 1
    assert page.count("/usage.html") == len(weeks) + 1
    odd = [*many[1:], replace(many[0], tables=["Sessions"])]
    assert index.render(odd).count("Activity by day, Sessions") == len(weeks) - 1


def test_no_day_is_drawn_where_none_is() -> None:
    """A day of which every service is missing leaves a gap in the line: two strokes in place of one."""
    gone = {(service, date(2026, 4, 14)): "missing" for service in released.SERVICES}
    whole, gap = (
        re.search(r'<svg[^>]*aria-labelledby="day-basic_user-t.*?</svg>', usage.render(view), re.DOTALL)
        for view in (released.release("2026-04"), released.release("2026-04", missing=gone))
    )
    assert whole
    assert gap
    assert gap[0].count("M", gap[0].index("<path")) > whole[0].count("M", whole[0].index("<path"))
    frame = released.release("2026-04", missing=gone).tables["activity"].frame
    assert frame.filter(pl.col("day") == date(2026, 4, 14), pl.col("service") == ALL)[
        "dau_status"
    ].unique().to_list() == ["unavailable"]


def begun(view: ReleaseView, first: date) -> ReleaseView:
    """Return the release as if nothing had been collected before a day."""

    def emptied(name: str, column: str) -> released.Released:
        frame = view.tables[name].frame
        early = pl.col(column) < first
        zero = [
            pl.when(early).then(0 if frame.schema[one] == pl.Int64 else None).otherwise(pl.col(one)).alias(one)
            for one in frame.columns
            if f"{one}_status" in frame.columns
        ]
        told = [
            pl.when(early).then(pl.lit("published")).otherwise(pl.col(one)).alias(one)
            for one in frame.columns
            if one.endswith("_status")
        ]
        return released.Released(name, frame.with_columns(*zero, *told))

    weekly = {"feature_weeks": emptied("feature_weeks", "week"), "retention": emptied("retention", "cohort_week")}
    return replace(view, tables={**view.tables, **weekly})


def test_weeks_before_the_first_event_are_told_not_drawn(week: ReleaseView) -> None:
    page = usage.render(begun(week, date(2026, 3, 1)))
    assert "Nothing was collected before the week from 2 Mar." in page
    assert "No users were new before the week from 2 Mar." in page
    assert 'data-d="week=2026-02-23' not in page
    assert 'data-d="week=2026-03-02' in page
    assert "collection began" not in page


def test_new_users_are_not_compared_with_the_first_period(week: ReleaseView) -> None:
    page = text_of(usage.render(begun(week, date(2026, 4, 13))))
    assert "not compared: collection began in week 16 of 2026, with everybody new" in page


def test_new_users_are_not_compared_with_a_first_period_a_year_before(week: ReleaseView) -> None:
    assert week.year_before
    old = week.year_before.tables["features"]
    first = replace(week.year_before, tables={"features": old.with_columns(new_users=pl.col("users"))})
    said = "not compared: collection began in week 17 of 2025, with everybody new"
    assert said in text_of(usage.render(replace(week, year_before=first)))
    assert said not in text_of(usage.render(week))


def test_what_cannot_be_compared_is_not_called_unchanged(week: ReleaseView) -> None:
    assert week.previous
    hidden = without_figures(week, "withheld", "features").tables["features"].frame
    earlier = replace(week.previous, tables={**week.previous.tables, "features": hidden})
    unproven = [{**one, "status": "not_checked"} for one in week.evidence["promises"]]
    view = replace(week, previous=earlier, evidence={**week.evidence, "promises": unproven})
    page = text_of(usage.render(view))
    assert "No feature can be compared with week 16 of 2026" in page
    assert "No feature's share of users can be compared with week 16 of 2026" in page
    assert "active users; week 16 of 2026 cannot be compared" in page
    assert "half a point or more" not in page.partition("Notes, definitions, files")[0]
    assert "No promise of the privacy notice could be checked" in page


def test_a_title_names_no_greatest_of_figures_that_are_withheld(week: ReleaseView) -> None:
    frame = week.tables["features"].frame
    one = pl.col("feature") == "docs.article"
    hidden = frame.with_columns(
        pl.when(one).then(None).otherwise(pl.col("adoption")).alias("adoption"),
        pl.when(one).then(pl.lit("withheld")).otherwise(pl.col("adoption_status")).alias("adoption_status"),
    )
    page = text_of(
        usage.render(replace(week, tables={**week.tables, "features": released.Released("features", hidden)}))
    )
    assert "more than any other of those that can be shown" in page


def test_a_type_is_not_called_the_largest_of_those_that_are_withheld(week: ReleaseView) -> None:
    frame = week.tables["features"].frame
    one = (pl.col("user_type") == "basic_user") & (pl.col("feature") == ALL)
    hidden = frame.with_columns(
        pl.when(one).then(None).otherwise(pl.col("users")).alias("users"),
        pl.when(one).then(pl.lit("withheld")).otherwise(pl.col("users_status")).alias("users_status"),
    )
    page = usage.render(replace(week, tables={**week.tables, "features": released.Released("features", hidden)}))
    assert "Advanced user is the largest type of those that can be shown: " in text_of(page)
    assert "Basic user is the largest type: " in text_of(usage.render(week))


@pytest.mark.parametrize(("status", "symbol"), [("withheld", "[c]"), ("unavailable", "[x]")])
def test_a_line_that_ends_without_a_figure_ends_in_the_symbol(week: ReleaseView, status: str, symbol: str) -> None:
    frame = week.tables["activity"].frame
    last = pl.col("day") == week.period.last
    hidden = frame.with_columns(
        pl.when(last).then(None).otherwise(pl.col("wau")).alias("wau"),
        pl.when(last).then(pl.lit(status)).otherwise(pl.col("wau_status")).alias("wau_status"),
    )
    page = usage.render(replace(week, tables={**week.tables, "activity": released.Released("activity", hidden)}))
    ends = re.findall(r">([^<>]+)</text>\s*<text[^>]*>in 7 days<", page)
    assert ends == [symbol] * len(week.catalogue.user_types)


def test_what_the_catalogue_has_dropped_keeps_its_key(week: ReleaseView) -> None:
    features = {key: one for key, one in week.catalogue.features.items() if key != "cases.list"}
    page = text_of(usage.render(replace(week, catalogue=replace(week.catalogue, features=features))))
    assert "My cases" not in page
    assert "cases.list →" in page
