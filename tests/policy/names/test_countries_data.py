"""The country packs that ship: help lines, and holidays that fall where the calendar has them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names import countries as holidays
from gateway.policy.names.countries import (
    COMMON,
    HIDDEN_KINDS,
    Country,
    HelpLine,
    help_names,
    lines_for,
    parse_country,
)
from gateway.policy.names.hosts import host_map

PROFILES = Path(__file__).resolve().parents[3] / "profiles"
CODES = {"common", "kz", "ru", "us", "gb", "au", "eu"}
YEARS = (2026, 2027, 2028)
MONDAY, FRIDAY, SATURDAY = 0, 4, 5


@pytest.fixture(scope="module")
def countries() -> dict[str, Country]:
    check = public_suffix_check()
    files = sorted((PROFILES / "countries").glob("*.yaml"))
    return {file.stem: parse_country(file.read_bytes(), file.name, check) for file in files}


@pytest.fixture(scope="module")
def lines(countries: dict[str, Country]) -> list[HelpLine]:
    return [line for one in countries.values() for line in one.help_lines]


def test_each_file_is_named_after_its_country(countries: dict[str, Country]) -> None:
    assert set(countries) == CODES
    assert [name for name, one in countries.items() if one.code != name] == []


def test_no_country_has_two_files(countries: dict[str, Country]) -> None:
    covered = [code for one in countries.values() for code in one.covers]
    assert len(set(covered)) == len(covered)
    assert set(covered).isdisjoint(countries)
    assert len(countries["eu"].covers) == 27  # member states


def test_ids_are_unique_over_all_files(lines: list[HelpLine]) -> None:
    ids = [line.id for line in lines]
    assert len(ids) >= 50
    assert [one for one in ids if ids.count(one) > 1] == []


def test_a_line_for_some_countries_can_be_shown_there(countries: dict[str, Country]) -> None:
    for one in countries.values():
        places = {code for line in one.help_lines for code in line.countries}
        if one.code != COMMON:
            assert places <= one.covers | {one.code}
        for code in places:
            assert any(code in line.countries for line in lines_for(countries, code))


@pytest.mark.parametrize("code", sorted((CODES - {COMMON}) | {"de", "fr", "at", "cz", "dk", "es"}))
def test_every_country_has_somebody_for_a_child_to_call(countries: dict[str, Country], code: str) -> None:
    shown = lines_for(countries, code)
    assert any(line.kind in ("child_helpline", "crisis") and line.phone for line in shown)
    assert any(line.kind == "emergency" and line.phone for line in shown)
    assert shown[-1] in countries[COMMON].help_lines
    assert {line.kind for line in shown}.isdisjoint(HIDDEN_KINDS)


def test_kazakhstan_calls_111_first(countries: dict[str, Country]) -> None:
    assert lines_for(countries, "kz")[0].phone == "111"


def test_who_has_chosen_no_country_still_sees_the_directories(countries: dict[str, Country]) -> None:
    shown = lines_for(countries, "")
    assert {"findahelpline.com", "childhelplineinternational.org", "inhope.org"} <= {
        one.site for one in shown
    }


def test_a_line_is_verified_only_from_a_named_source(lines: list[HelpLine]) -> None:
    for line in lines:
        assert line.source
        if line.verified_on is not None:
            assert line.status == "seen", line.id


def test_what_kazakhs_and_russians_read_is_in_their_language(countries: dict[str, Country]) -> None:
    shown = lines_for(countries, "kz") + lines_for(countries, "ru")
    assert [line.id for line in shown if {"ru", "kk"} - set(line.name)] == []


@pytest.mark.parametrize(
    "host",
    [
        "findahelpline.com",
        "www.unicef.org",
        "www.childline.org.uk",
        "988lifeline.org",
        "chat.988lifeline.org",
        "telefon-doveria.ru",
        "kidshelpphone.ca",
        "www.nhs.uk",
        "111.nhs.uk",
        "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org",
    ],
)
def test_help_is_open_by_name(countries: dict[str, Country], host: str) -> None:
    assert host_map(help_names(countries.values()).items()).get(host)


@pytest.mark.parametrize(
    "host", ["3gppnetwork.org", "example.nhs.uk", "notfindahelpline.com", "www.google.com"]
)
def test_nothing_else_is(countries: dict[str, Country], host: str) -> None:
    assert host_map(help_names(countries.values()).items()).get(host) is None


def easter(year: int) -> date:
    """Easter Sunday by the anonymous Gregorian computus (Meeus, Jones, Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    el = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * el) // 451
    month, day = divmod(h + el - 7 * m + 114, 31)
    return date(year, month, day + 1)


def nth(year: int, month: int, weekday: int, n: int) -> date:
    """The ``n``-th such weekday of a month, or the last one for -1."""
    days = [date(year, month, 1) + timedelta(days=ahead) for ahead in range(31)]
    return [day for day in days if day.month == month and day.weekday() == weekday][n - 1 if n > 0 else n]


@pytest.mark.parametrize("year", YEARS)
def test_moving_holidays_of_britain_and_australia(countries: dict[str, Country], year: int) -> None:
    around_easter = {easter(year) - timedelta(days=2), easter(year) + timedelta(days=1)}
    assert around_easter <= countries["gb"].holidays(year).keys()
    assert around_easter <= countries["au"].holidays(year).keys()
    mondays = {nth(year, 5, MONDAY, 1), nth(year, 5, MONDAY, -1), nth(year, 8, MONDAY, -1)}
    assert mondays <= countries["gb"].holidays(year).keys()


@pytest.mark.parametrize("year", YEARS)
def test_federal_holidays_of_the_united_states(countries: dict[str, Country], year: int) -> None:
    fixed = {date(year, *day) for day in ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))}
    moving = {
        nth(year, 1, MONDAY, 3),
        nth(year, 2, MONDAY, 3),
        nth(year, 5, MONDAY, -1),
        nth(year, 9, MONDAY, 1),
        nth(year, 10, MONDAY, 2),
        nth(year, 11, 3, 4),
    }
    # The nearest weekday is free for one on a weekend (5 U.S.C. 6103), New Year of the next year too.
    weekend = [day for day in [*fixed, date(year + 1, 1, 1)] if day.weekday() >= SATURDAY]
    instead = {day + timedelta(days=-1 if day.weekday() == SATURDAY else 1) for day in weekend}
    expected = fixed | moving | {day for day in instead if day.year == year}
    assert countries["us"].holidays(year).keys() == expected


KZ_TO_OTHER_DAYS = [
    (1, 1),
    (1, 2),
    (3, 8),
    (3, 21),
    (3, 22),
    (3, 23),
    (5, 1),
    (5, 7),
    (5, 9),
    (7, 6),
    (10, 25),
    (12, 16),
]


@pytest.mark.parametrize("year", YEARS)
def test_kazakhstan_moves_what_falls_on_a_weekend(countries: dict[str, Country], year: int) -> None:
    found = countries["kz"].holidays(year).keys()
    days = [date(year, *day) for day in KZ_TO_OTHER_DAYS]
    assert set(days) <= found
    taken = set(days)
    for day in days:
        if day.weekday() >= SATURDAY:
            instead = day + timedelta(days=1)
            while instead.weekday() >= SATURDAY or instead in taken:
                instead += timedelta(days=1)
            taken.add(instead)
    constitution = {date(year, 3, 15)} if year >= 2027 else set()
    kurban_ait = {date(2026, 5, 27)} if year == 2026 else set()
    assert found == taken | {date(year, 1, 7)} | constitution | kurban_ait


@pytest.mark.parametrize(
    ("code", "day", "free"),
    [
        ("kz", date(2026, 12, 16), True),
        ("kz", date(2027, 3, 15), True),
        ("kz", date(2026, 8, 31), False),  # the day of the old Constitution is no holiday any more
        ("kz", date(2027, 8, 30), False),
        ("ru", date(2026, 1, 9), True),
        ("ru", date(2026, 3, 9), True),
        ("ru", date(2027, 6, 14), True),
        ("ru", date(2026, 11, 3), False),
        ("gb", date(2026, 12, 28), True),
        ("gb", date(2027, 12, 27), True),
        ("gb", date(2027, 12, 28), True),
        ("au", date(2027, 1, 26), True),
        ("eu", date(2027, 5, 1), False),
    ],
)
def test_single_days(countries: dict[str, Country], code: str, day: date, free: bool) -> None:
    assert (day in countries[code].holidays(day.year)) is free


def test_an_eu_home_has_the_days_that_are_free_in_every_member_state(countries: dict[str, Country]) -> None:
    assert set(countries["eu"].holidays(2027)) == {date(2027, 1, 1), date(2027, 12, 25)}
    assert not countries[COMMON].holidays(2027)


@pytest.mark.parametrize(
    ("code", "day", "name"),
    [
        ("de", date(2026, 10, 3), "German Unity Day"),
        ("de", date(2027, 5, 6), "Ascension Day"),
        ("de", date(2028, 6, 5), "Whit Monday"),
        ("fr", date(2026, 7, 14), "Bastille Day"),
        ("fr", date(2027, 3, 26), None),  # Good Friday, of Alsace alone
        ("gr", date(2026, 4, 10), "Orthodox Good Friday"),
        ("gr", date(2027, 3, 15), "Clean Monday"),
        ("ro", date(2028, 4, 17), "Orthodox Easter Monday"),
        ("pl", date(2026, 6, 4), "Corpus Christi"),
        ("at", date(2026, 12, 25), "Christmas Day"),
        ("nl", date(2026, 5, 1), None),
    ],
)
def test_a_member_state_has_its_own_days(
    countries: dict[str, Country], code: str, day: date, name: str | None
) -> None:
    assert countries["eu"].holidays(day.year, code).get(day) == name


@pytest.mark.parametrize("year", YEARS)
def test_irelands_mondays(countries: dict[str, Country], year: int) -> None:
    mondays = {nth(year, month, MONDAY, which) for month, which in ((5, 1), (6, 1), (8, 1), (10, -1))}
    assert mondays <= countries["eu"].holidays(year, "ie").keys()


@pytest.mark.parametrize(
    "code",
    [
        "at",
        "be",
        "bg",
        "hr",
        "cy",
        "cz",
        "dk",
        "ee",
        "fi",
        "fr",
        "de",
        "gr",
        "hu",
        "ie",
        "it",
        "lv",
        "lt",
        "lu",
        "mt",
        "nl",
        "pl",
        "pt",
        "ro",
        "sk",
        "si",
        "es",
        "se",
    ],
)
@pytest.mark.parametrize("year", YEARS)
def test_every_member_state_is_there(countries: dict[str, Country], code: str, year: int) -> None:
    assert 7 <= len(countries["eu"].holidays(year, code)) <= 16


def test_a_holiday_is_for_countries_that_use_its_file(countries: dict[str, Country]) -> None:
    for one in countries.values():
        for holiday in one.days:
            assert holiday.countries <= one.covers, holiday.name


@pytest.mark.parametrize("year", range(1990, 2060))
def test_easter_is_the_one_of_the_other_computus(year: int) -> None:
    from dateutil.easter import EASTER_ORTHODOX
    from dateutil.easter import easter as as_dateutil_has_it

    assert holidays.easter(year) == easter(year) == as_dateutil_has_it(year)
    assert holidays.easter(year, holidays.ORTHODOX) == as_dateutil_has_it(year, EASTER_ORTHODOX)
