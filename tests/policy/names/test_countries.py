"""Country packs: what a file may say, and which lines a home is shown."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.core.errors import PolicyError
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.countries import (
    Country,
    HelpChannel,
    country_of,
    first_weekday,
    help_names,
    lines_for,
    parse_country,
)

CHECK = public_suffix_check()

LAND = """
country: zz
covers: [yy, xx]
help_lines:
  - id: talk
    kind: child_helpline
    name: {en: Talk, ru: Разговор}
    phone: 0800 1111
    text: TALK to 123
    channels: [{kind: qr, at: {en: At school}, source: a school, date: 2026-10-01},
      {kind: chat, to: talk.example, source: s, date: 2026-10-02}]
    web: ["=www.talk.example", talk.example]
    companions: [chat.example]
    status: seen
    source: its own page
    date: 2026-10-31
    verified_on: 2026-11-01
    verified_by: A. Person
  - {id: near, kind: crisis, for: [yy], name: {en: Near}, phone: 9, status: stale,
     source: s, date: 2026-11-01, verified_on: ~}
  - {id: care, kind: health, name: {en: Care}, web: [care.example], status: seen,
     source: s, date: 2026-11-01, verified_on: ~}
holidays_from: {source: a gazette, date: 2026-11-01}
holidays:
  - {name: {en: New Year}, on: ["01-01", 2027-01-04]}
  - {name: {en: Spring}, on: [2026-04-06, 2027-03-29]}
"""
EVERYWHERE = """
country: common
help_lines:
  - {id: all, kind: directory, name: {en: All}, web: [all.example], status: seen,
     source: s, date: 2026-11-01, verified_on: ~}
  - {id: far, kind: crisis, for: [ww], name: {en: Far}, phone: "1", status: seen,
     source: s, date: 2026-11-01, verified_on: ~}
"""


@pytest.fixture(scope="module")
def countries() -> dict[str, Country]:
    read = [parse_country(text, "f", CHECK) for text in (LAND, EVERYWHERE)]
    return {country.code: country for country in read}


def test_a_line_whole(countries: dict[str, Country]) -> None:
    line = countries["zz"].help_lines[0]
    assert (line.id, line.kind, line.phone, line.text) == (
        "talk",
        "child_helpline",
        "0800 1111",
        "TALK to 123",
    )
    assert line.web == ("=www.talk.example", "talk.example")
    assert line.site == "www.talk.example"
    assert line.companions == ("chat.example",)
    assert (line.status, line.source, line.dated) == ("seen", "its own page", date(2026, 10, 31))
    assert (line.verified_on, line.verified_by) == (date(2026, 11, 1), "A. Person")
    assert [line.name_in(one) for one in ("en", "ru", "kk")] == ["Talk", "Разговор", "Talk"]


def test_channels_beside_the_number(countries: dict[str, Country]) -> None:
    code, chat = countries["zz"].help_lines[0].channels
    assert code == HelpChannel("qr", "", {"en": "At school"}, "a school", date(2026, 10, 1))
    assert (chat.kind, chat.to, chat.at) == ("chat", "talk.example", {})
    assert countries["zz"].help_lines[1].channels == ()


def test_what_a_line_may_leave_out(countries: dict[str, Country]) -> None:
    line = countries["zz"].help_lines[1]
    assert (line.site, line.text, line.web, line.companions, line.verified_on) == ("", "", (), (), None)


@pytest.mark.parametrize(
    ("code", "ids"),
    [
        ("zz", ["talk", "all"]),
        ("yy", ["near", "talk", "all"]),  # covered; its own line comes first
        ("xx", ["talk", "all"]),
        ("ww", ["far", "all"]),  # known to the common file alone
        ("vv", ["all"]),
        ("", ["all"]),
    ],
)
def test_what_a_home_is_shown(countries: dict[str, Country], code: str, ids: list[str]) -> None:
    assert [line.id for line in lines_for(countries, code)] == ids


def test_the_file_of_a_country(countries: dict[str, Country]) -> None:
    assert country_of(countries, "zz") is countries["zz"]
    assert country_of(countries, "xx") is countries["zz"]
    assert country_of(countries, "vv") is None


@pytest.mark.parametrize(
    ("own", "everywhere", "days"),
    [
        ("", "", {"zz": 0, "yy": 0, "ww": 0, "": 0}),
        ("week_starts: sun", "", {"zz": 6, "yy": 6, "xx": 6, "ww": 0, "": 0}),
        ("week_starts: {sun: [yy], sat: [xx]}", "week_starts: {fri: [ww]}",
         {"zz": 0, "yy": 6, "xx": 5, "ww": 4, "vv": 0, "": 0}),
    ],
)  # fmt: skip
def test_the_first_weekday_of_a_country(own: str, everywhere: str, days: dict[str, int]) -> None:
    read = [parse_country(text, "f", CHECK) for text in (LAND + own, EVERYWHERE + everywhere)]
    countries = {country.code: country for country in read}
    assert {code: first_weekday(countries, code) for code in days} == days


def test_names_of_all_lines_are_open_the_unshown_too(countries: dict[str, Country]) -> None:
    assert help_names(countries.values()) == {
        "=www.talk.example": "Talk",
        "talk.example": "Talk",
        "chat.example": "Talk",
        "care.example": "Care",
        "all.example": "All",
    }


def test_holidays_of_every_year_and_of_one(countries: dict[str, Country]) -> None:
    assert set(countries["zz"].holidays(2026)) == {date(2026, 1, 1), date(2026, 4, 6)}
    assert set(countries["zz"].holidays(2027)) == {date(2027, 1, 1), date(2027, 1, 4), date(2027, 3, 29)}
    assert set(countries["zz"].holidays(2031)) == {date(2031, 1, 1)}
    assert not countries["common"].holidays(2026)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("country: zz", "country: Zealand", "f:2: country: 'Zealand' is no country; write two letters"),
        ("covers: [yy, xx]", "covers: [y]", "f:3: covers[1]: 'y' is no country"),
        ("id: talk", "id: Talk Talk", "f:5: help_lines[1].id: 'Talk Talk' is no id"),
        ("id: near", "id: talk", "f:19: help_lines[2]: the id 'talk' is there twice"),
        ("kind: child_helpline", "kind: child_help", "f:6: help_lines[1].kind: 'child_help' is not known"),
        ("{en: Talk, ru", "{ru", "f:7: help_lines[1].name: has no 'en'"),
        ("{en: Talk, ru", "{en: Talk, fr", "f:7: help_lines[1].name.fr: is not a known key"),
        ("chat.example", "co.uk", "f:13: help_lines[1].companions[1]: 'co.uk' is a public suffix"),
        ("chat.example", "https://a.example/x", "is a web address, not a name; write a.example"),
        ("status: seen", "status: sene", "'sene' is not known here; did you mean 'seen'?"),
        (
            "    verified_by: A. Person\n",
            "",
            "f:5: help_lines[1]: is verified without a name, or by a name without",
        ),
        (", to: talk.example", "", "channels[2]: leads nowhere; give a QR code its place (at)"),
        ("at: {en: At school}", "to: x", "channels[1]: leads nowhere"),
        ("kind: chat", "kind: chatt", "did you mean 'chat'?"),
        (", date: 2026-10-02", "", "channels[2]: has no 'date'"),
        ("    date: 2026-10-31\n", "", "f:5: help_lines[1]: has no 'date'"),
        ("holidays_from: {source: a gazette, date: 2026-11-01}\n", "", "has no 'holidays_from'"),
        ("    source: its own page\n", "", "f:5: help_lines[1]: has no 'source'"),
        ("2026-11-01", "2026-02-30", "f:17: help_lines[1].verified_on: '2026-02-30' is no date"),
        ("2026-11-01", "yesterday", "'yesterday' is no date; write it like 2027-03-26"),
        ("phone: 9, ", "", "f:19: help_lines[2]: leads nowhere; give it a phone, a text or a web"),
        ("01-01", "02-29", "f:25: holidays[1].on[1]: is no day of every year"),
        ("01-01", "13-01", "f:25: holidays[1].on[1]: '13-01' is no day of the year"),
        ("2027-01-04", "20270104", "f:25: holidays[1].on[2]: '20270104' is no date"),
        ("{en: Spring}", "Spring", "f:26: holidays[2].name: is a text, not a mapping"),
        (
            "holidays_from:",
            "week_starts: someday\nholidays_from:",
            "f:23: week_starts: 'someday' is not known here",
        ),
        (
            "holidays_from:",
            "week_starts: {sunn: [yy]}\nholidays_from:",
            "f:23: week_starts.sunn: is no weekday; did you mean 'sun'?",
        ),
        ("holidays:", "holiday:", "holiday: is not a known key; did you mean 'holidays'?"),
    ],
)
def test_what_is_wrong_names_its_place_and_mend(old: str, new: str, says: str) -> None:
    assert old in LAND
    with pytest.raises(PolicyError) as caught:
        parse_country(LAND.replace(old, new, 1), "f", CHECK)
    assert says in str(caught.value)
