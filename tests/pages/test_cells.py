"""How figures are written, compared and said: tables in, texts out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cetegra_usage.errors import ConfigurationError
from cetegra_usage.publish.pages import cells, changes, words
from cetegra_usage.publish.pages.cells import Cell
from cetegra_usage.publish.pages.svg import spark

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("writer", "value", "text"),
    [
        ("count", 0, "0"),
        ("count", 1234567, "1,234,567"),
        ("ratio", 0.0, "0%"),
        ("ratio", 1.0, "100%"),
        ("ratio", 0.0004, "0.0%"),
        ("ratio", 0.0996, "10%"),
        ("ratio", 0.0994, "9.9%"),
        ("ratio", 0.9949, "99%"),
        ("ratio", 0.9951, "99.5%"),
        ("ratio", 0.615, "62%"),
        ("mean", 4.0, "4.00"),
        ("mean", 12.5, "12.5"),
        ("mean", 123.0, "123"),
        ("mean", 12300.0, "12,300"),
        ("seconds", 0.4, "0 s"),
        ("seconds", 59.6, "1 min 0 s"),
        ("seconds", 245.0, "4 min 5 s"),
        ("seconds", 7320.0, "2 h 2 min"),
        ("seconds", 180000.0, "2 d 2 h"),
    ],
)
def test_figures_are_written(writer: str, value: float, text: str) -> None:
    assert cells.WRITERS[writer](value) == text


@pytest.mark.parametrize(
    ("status", "mark"),
    [("withheld", "c"), ("unavailable", "x"), ("undefined", "z"), ("absent", "z"), ("published", "")],
)
def test_what_is_missing_is_never_a_zero(status: str, mark: str) -> None:
    shown = cells.write(Cell(None, status), "count")
    assert (shown.text, shown.mark, shown.value) == ("", mark, None)


PUBLISHED = "published"


@pytest.mark.parametrize(
    ("now", "before", "rounding", "scale", "text"),
    [
        (110, 100, 5, 1, "▲ 10.0%"),
        (90, 100, 5, 1, "▼ 10.0%"),
        (105, 100, 5, 1, "≈ no clear change"),  # both may be half a step off
        (105, 100, 1, 1, "▲ 5.0%"),
        (310, 300, 5, 31 / 30, "≈ no clear change"),  # a month of 31 days against one of 30
        (20, 0, 5, 1, "▲ from 0"),
        (0, 0, 5, 1, "≈ no clear change"),
        (0, 100, 5, 1, "▼ 100.0%"),
    ],
)
def test_counts_are_compared_as_far_as_rounding_allows(
    now: float, before: float, rounding: int, scale: float, text: str
) -> None:
    found = changes.of_counts(Cell(now, PUBLISHED), Cell(before, PUBLISHED), rounding=rounding, scale=scale)
    assert found.text == text


def test_counts_from_windows_with_missing_days_are_not_compared() -> None:
    found = changes.of_counts(Cell(200, "partial"), Cell(100, PUBLISHED), rounding=5)
    assert found.partial
    assert not found.clear
    assert changes.of_counts(Cell(None, "withheld"), Cell(100, PUBLISHED), rounding=5) == changes.NONE


@pytest.mark.parametrize(
    ("now", "before", "base", "text"),
    [
        (0.40, 0.30, 1000, "▲ 10.0 points"),
        (0.30, 0.40, 1000, "▼ 10.0 points"),
        (0.304, 0.300, 100_000, "≈ no clear change"),  # less than half a point
        (0.40, 0.30, 50, "≈ no clear change"),  # of fifty users, rounding alone can do that
    ],
)
def test_shares_are_compared_in_points(now: float, before: float, base: float, text: str) -> None:
    bases = Cell(base, PUBLISHED), Cell(base, PUBLISHED)
    assert changes.of_ratios(Cell(now, PUBLISHED), Cell(before, PUBLISHED), bases, rounding=5).text == text


def test_a_spark_breaks_where_a_value_is_missing() -> None:
    assert spark([1.0, 2.0, None, 4.0]).count("M") == 2
    assert spark([1.0, None, 1.0]).count("h0") == 2
    assert spark([None, None]) == ""


def test_a_phrase_says_one_in_its_own_words() -> None:
    assert words.say("trust.promises_kept", n=1).startswith("1 promise of")
    assert words.say("trust.promises_kept", n=2).startswith("2 promises of")


@pytest.mark.parametrize("values", [{}, {"other": 1}])
def test_a_phrase_that_cannot_be_said_is_named(values: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError) as found:
        words.say("trust.withheld", **values)
    assert "trust.withheld" in found.value.what
    with pytest.raises(ConfigurationError):
        words.say("trust.nothing_like_it")


def test_a_broken_file_of_words_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "words.toml").write_text("[page]\ndays = without quotes\n", "utf-8")
    monkeypatch.setattr(words, "root", lambda: tmp_path)
    words.known.cache_clear()
    try:
        with pytest.raises(ConfigurationError) as found:
            words.say("page.days")
    finally:
        words.known.cache_clear()
    assert "reports/words.toml" in found.value.what
    assert "line 2" in found.value.why


def test_names_are_cut_and_kept_from_turning_the_writing() -> None:
    assert words.name("A title of some length", most=8) == "A title…"
    assert words.name("\N{RIGHT-TO-LEFT OVERRIDE}abc") == "\u2068\u202eabc\u2069"
    assert words.name("bell\x07") == "bell\N{REPLACEMENT CHARACTER}"
