import base64
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.no import fodselsnummer

from cetegra_usage import project
from cetegra_usage.check.detectors import (
    Detector,
    Finding,
    detect,
    detect_name,
    detectors,
    encodings,
    judge_catalogue,
    listing,
    search,
)
from cetegra_usage.errors import ConfigurationError
from cetegra_usage.model import Catalogue, Feature

CHECKOUT = Path(__file__).parents[2]
REALISTIC_KEYS = (CHECKOUT / "benchmarks" / "realistic_keys.txt").read_text("utf-8").split()
KEY = re.compile(r"[a-z0-9._]{1,64}")
EVERY = sorted(detectors().values(), key=lambda detector: detector.id)


@pytest.mark.parametrize("detector", EVERY, ids=lambda detector: detector.id)
def test_an_entry_trips_and_passes_as_it_says(detector: Detector) -> None:
    assert [text for text in detector.trips if detector.id not in detect(text)] == []
    assert [text for text in detector.passes if detect(text)] == []


def test_each_entry_breaks_a_promise_by_the_expectation_that_proves_it() -> None:
    proves = {
        "no_device_data": "no-device-data",
        "no_direct_identifiers": "no-direct-identifiers",
        "no_content_values": "no-content",
        "no_sensitive_words": "no-sensitive-data",
        "no_person_names": "no-direct-identifiers",
    }
    assert {one.expectation: one.promise for one in EVERY} == proves
    assert [one.id for one in EVERY if one.severity == "warn"] == ["person_name"]


def test_the_documentation_names_each() -> None:
    text = (CHECKOUT / "docs" / "detectors.md").read_text("utf-8")
    assert [one.id for one in EVERY if f"| `{one.id}` | {one.finds} |" not in text] == []


def test_no_realistic_key_is_an_alarm() -> None:
    assert len(set(REALISTIC_KEYS)) >= 400
    assert all(KEY.fullmatch(key) for key in REALISTIC_KEYS)
    assert [key for key in REALISTIC_KEYS if detect(key)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("case_kari.nordmann_at_example.no", "email"),
        ("case.kari.nordmann_at_example.no_view", "email"),
        ("kari_2enordmann_40example_2eno", "email"),
        ("kari.nordmann.example.no", "email"),
        ("open_10.2.3.4", "ip_address"),
        ("open_10_2_3_4_8080", "ip_address"),
        ("2001_db8_0_0_0_0_0_1", "ip_address"),
        ("user_01010112345", "national_id_no"),
        ("user01010112345view", "national_id_no"),
        ("0_1_0_1_0_1_1_2_3_4_5", "national_id_no"),
        ("user_o1o1o112345", "national_id_no"),
        ("order_100234", "order_or_case_number"),
        ("case-2024-00123", "order_or_case_number"),
        ("firefox_128.0_windows_nt_10", "browser_or_system"),
        ("ref_google.com", "url_or_referrer"),
        ("call_47_912_34_567", "phone"),
        ("user_curl_8.5.0", "browser_or_system"),
        ("case_https___localhost_3000_x", "url_or_referrer"),
        ("nrk.no_nyheter.view", "url_or_referrer"),
        ("a_1b_2c_3d_4e_5f_6a", "mac_address"),
    ],
)
def test_what_is_glued_spaced_or_spelt_out_is_found(text: str, expected: str) -> None:
    if expected == "mac_address":
        text = text.removeprefix("a_")
    assert expected in detect(text)


SENTENCES = [
    "skjermen_er_svart",
    "pc_starter_ikke",
    "glemte_laderen_hjemme",
    "bilen_star_pa_verksted",
    "han_sluttet_forrige_uke",
    "takk_for_hjelpen",
    "skarmen_ar_trasig",
    "kone_ei_kaynnisty",
    "der_drucker_geht_nicht",
    "the_screen_went_black",
    "this_is_urgent",
    "new_girlfriend_needs_access",
    "can_you_reset_it_please",
    "meeting.with.lawyer.about.divorce",
    "description_laptop_fell_on_the_floor",
]
SPOKEN_BY_THE_PRODUCT = [
    "trenger_du_hjelp",
    "choose_your_plan",
    "who_we_are",
    "things_to_do",
    "saker_ikke_lukket",
    "venter_pa_svar",
    "my_open_requests",
]


def test_what_a_person_writes_is_told_from_what_a_product_says() -> None:
    assert [text for text in SENTENCES if "free_text" not in detect(text)] == []
    assert [key for key in SPOKEN_BY_THE_PRODUCT if detect(key)] == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("kari.nordmann@example.no", "email"),
        ("192.168.17.4", "ip_address"),
        ("+47 912 34 567", "phone"),
        ("131052-308T", "national_id_fi"),
        ("NO93 8601 1117 947", "iban"),
        ("https://intranet.example.no/wiki", "url_or_referrer"),
    ],
)
def test_every_writing_of_a_value_is_read(value: str, expected: str) -> None:
    writings = {
        "plain": value,
        "capitals": value.upper(),
        "percent": "".join(f"%{byte:02X}" for byte in value.encode()),
        "percent twice": quote(quote(value, safe=""), safe=""),
        "base64": base64.b64encode(value.encode()).decode(),
        "base64, url-safe, glued": "open_" + base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
        "hexadecimal": value.encode().hex(),
        "base32 in lower case": base64.b32encode(value.encode()).decode().rstrip("=").lower(),
        "percent in base64": base64.b64encode(quote(value, safe="").encode()).decode(),
        "full width": "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in value),
        "look-alikes": value.translate(str.maketrans("aeopc", "аеорс")),  # noqa: RUF001  # they are the point
        "zero width": "\u200b".join(value),
        "soft hyphens": "\u00ad".join(value),
        "other digits": "".join(chr(0x0660 + int(one)) if one.isdigit() else one for one in value),
    }
    assert [writing for writing, text in writings.items() if expected not in detect(text)] == []


@pytest.mark.parametrize("number", ["01010112345", "91234567", "4111111111111111"])
def test_base64_of_a_number_is_read_without_its_capitals(number: str) -> None:
    assert detect("case_" + base64.b64encode(number.encode()).decode().rstrip("=").lower())


@settings(deadline=None, max_examples=200)
@given(st.dates(date(1940, 1, 1), date(2010, 12, 31)), st.integers(0, 999), st.lists(st.sampled_from(["", "_", "."])))
def test_a_national_id_is_found_wherever_it_is_cut(born: date, serial: int, between: list[str]) -> None:
    first = f"{born:%d%m%y}{serial:03}"
    digits = next((f"{first}{check:02}" for check in range(100) if fodselsnummer.is_valid(f"{first}{check:02}")), None)
    if digits is None:  # no check digits fit these nine
        return
    separators = [*between, *[""] * len(digits)]
    text = "".join(digit + separators[place] for place, digit in enumerate(digits[:-1])) + digits[-1]
    assert "national_id_no" in detect(f"user_{text}")


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=300))
def test_any_text_is_judged_by_known_detectors(text: str) -> None:
    assert detect(text) | detect_name(text) <= set(detectors())


@settings(deadline=None, max_examples=200)
@given(st.from_regex(r"\A[a-z0-9._]{1,64}\Z"))
def test_capitals_change_nothing_but_what_base64_says(key: str) -> None:
    without_base64 = mock.patch.object(encodings, "_from_base64", return_value=())
    with without_base64, mock.patch.object(search, "_SHORT", 0):  # nothing is taken from memory, nor kept
        assert detect(key) == detect(key.upper())


def test_a_long_number_is_named_once() -> None:
    assert detect("open_55512") == {"long_number"}
    assert "long_number" not in detect("user_01010112345")


def test_a_very_long_value_is_free_text() -> None:
    assert "free_text" in detect("a" * 1_000_000)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ip_address", {"ip_address"}),
        ("clientIp", {"ip_address"}),
        ("X-Forwarded-For", {"ip_address"}),
        ("user_agent", {"browser_or_system"}),
        ("referrer", {"url_or_referrer"}),
        ("email", {"email"}),
        ("fødselsnummer", {"national_id_no"}),
        ("first_name", {"person_name"}),
        ("orderId", {"order_or_case_number"}),
        ("comment", {"free_text"}),
        ("religion", {"sensitive_word"}),
        ("kari@example.no", {"email"}),
        ("duration_ms", set[str]()),
        ("shipping", set[str]()),
    ],
)
def test_a_name_says_which_promise_it_breaks(name: str, expected: set[str]) -> None:
    assert detect_name(name) == expected


def _catalogue(*features: Feature, notices: dict[str, str] | None = None) -> Catalogue:
    return Catalogue(
        services={"workspace": "Cetegra Workspace"},
        user_types={"it_admin": "IT Admin"},
        features={feature.key: feature for feature in features},
        notices=notices or {},
        digest="",
    )


def _feature(key: str, title: str = "Windows 11 upgrade", owner: str = "shop team") -> Feature:
    return Feature(key=key, title=title, service="workspace", actions=("open",), owner=owner, since=date(2026, 1, 1))


def test_a_clean_catalogue_carries_nothing() -> None:
    assert judge_catalogue(_catalogue(*(_feature(key, f"The page of {key}") for key in REALISTIC_KEYS))) == []


def test_a_title_may_name_a_system_and_a_right() -> None:
    titles = ("Firefox 128", "iPhone 15", "Trade union agreements", "What is new, and why?")
    assert judge_catalogue(_catalogue(*(_feature(f"shop.page_{n}", title) for n, title in enumerate(titles)))) == []


def test_a_catalogue_is_judged_by_place_and_never_quoted() -> None:
    found = judge_catalogue(
        _catalogue(
            _feature("shop.cart"),
            _feature("user_01010112345"),
            _feature("shop.home", title="Ask kari.nordmann@example.no", owner="Kari Nordmann"),
            notices={"call_91234567": "News"},
        )
    )
    assert set(found) == {
        Finding("feature", 2, "key", "account_number", "block"),
        Finding("feature", 2, "key", "national_id_no", "block"),
        Finding("feature", 3, "owner", "person_name", "warn"),
        Finding("feature", 3, "title", "email", "block"),
        Finding("feature", 3, "title", "person_name", "warn"),
        Finding("notice", 1, "key", "phone", "block"),
    } | {finding for finding in found if finding.detector in {"national_id_eea", "phone"} and finding.position == 2}
    assert not re.search("kari|nordmann|0101|9123", repr(found), re.IGNORECASE)


def test_libraries_of_numbers_stay_out_until_a_number_calls() -> None:
    program = (
        "import sys; from cetegra_usage.check.detectors import detect; detect('workspace.case_submit');"
        "print([name for name in ('phonenumbers', 'stdnum') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def expectations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a copy of the lists in place of the project's own."""
    folder = tmp_path / "expectations"
    folder.mkdir()
    for name in ("detectors.toml", "words.toml"):
        (folder / name).write_bytes((project.root() / "expectations" / name).read_bytes())
    monkeypatch.setattr(listing, "root", lambda: tmp_path)
    monkeypatch.setattr(listing, "_document", listing._document.__wrapped__)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # past its cache
    return folder


def test_words_are_written_as_they_are_compared() -> None:
    text = (project.root() / "expectations" / "words.toml").read_text("utf-8")
    lists = re.findall(r'^(\w+) = "+\n?([^"]*)"', text, re.MULTILINE)
    assert len(lists) > 10
    assert [word for _, listed in lists for word in listed.split() if not re.fullmatch("[a-z0-9_]+", word)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('class = "warn"', 'class = "strip"'),
        ('expectation = "no_sensitive_words"', 'expectation = "no_such_thing"'),
        ('id = "iban"', 'id = "phone"'),
        ("finds =", "found ="),
        ("[[detector]]", "[[detector"),
    ],
)
def test_a_list_that_cannot_be_trusted_is_refused(expectations: Path, old: str, new: str) -> None:
    file = expectations / "detectors.toml"
    file.write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigurationError):
        listing.detectors.__wrapped__()


def test_a_missing_list_of_words_is_refused(expectations: Path) -> None:
    (expectations / "words.toml").unlink()
    with pytest.raises(ConfigurationError):
        listing.words.__wrapped__("sensitive")
