"""The never-block pack: all that is known is in it, nothing outranks it, and nothing but it has its rank."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from gateway.age.bands import AgeBand
from gateway.control.contract.rules import help_line_entry
from gateway.household.list_library import read_library
from gateway.lists.build import BuildSource, build_table
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.names.countries import COMMON, HELP_LINE_KINDS, HelpLine, rights_for
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.time.time_rules import PLAIN
from gateway.policy.values import Observation, Proto, Reason
from tests.policy.homes import CALENDAR, a_profile, almaty, asks, connects, product, used_up
from tests.policy.homes import table as table_of

NOON, NIGHT = almaty("2026-11-24T12:00"), almaty("2026-11-24T23:30")
PAUSED = replace(PLAIN, paused_until=almaty("2026-11-25T12:00"))
STATES = {
    "open": (PLAIN, NOON),
    "bedtime": (PLAIN, NIGHT),
    "out of time": (used_up("internet", "play"), NOON),
    "paused": (PAUSED, NOON),
    "quarantined": (replace(PLAIN, quarantined=True), NOON),
}

# What public text of November 2026 and before knows: kind, how to reach it, how well it is known.
KNOWN = (
    ("kz", "child_helpline", "111", "seen"), ("kz", "child_helpline", "150", "seen"),
    ("kz", "child_helpline", "telefon150.kz", "seen"),
    ("kz", "csam_hotline", "safekaznet.kz", "stale"), ("us", "csam_hotline", "report.cybertip.org", "seen"),
    ("us", "csam_hotline", "1-800-843-5678", "seen"), ("us", "crisis", "988lifeline.org", "seen"),
    ("us", "crisis", "HOME to 741741", "seen"), ("us", "crisis", "crisistextline.org", "seen"),
    ("us", "child_helpline", "childhelp.org", "unverified"),
    ("us", "child_helpline", "1-800-422-4453", "unverified"),
    ("us", "image_removal", "takeitdown.ncmec.org", "unverified"),
    ("gb", "child_helpline", "0800 1111", "seen"), ("gb", "child_helpline", "childline.org.uk", "seen"),
    ("gb", "csam_hotline", "report.iwf.org.uk", "seen"),
    ("gb", "image_removal", "childline.org.uk", "unverified"),
    ("gb", "deterrence", "stopitnow.org.uk", "unverified"),
    ("gb", "deterrence", "0808 1000 900", "unverified"), ("gb", "crisis", "116 123", "seen"),
    ("gb", "crisis", "samaritans.org", "seen"), ("gb", "crisis", "SHOUT to 85258", "seen"),
    ("gb", "missing_child", "116 000", "seen"), ("gb", "missing_child", "missingpeople.org.uk", "seen"),
    ("eu", "child_helpline", "116 111", "seen"), ("eu", "missing_child", "116 000", "seen"),
    ("eu", "missing_child", "missingchildreneurope.eu", "seen"), ("eu", "crisis", "116 123", "seen"),
    ("eu", "emergency", "112", "unverified"),
    ("de", "child_helpline", "nummergegenkummer.de", "unverified"),
    ("at", "child_helpline", "rataufdraht.at", "seen"), ("at", "child_helpline", "147", "seen"),
    ("cz", "child_helpline", "linkabezpeci.cz", "seen"),
    ("dk", "child_helpline", "bornetelefonen.dk", "seen"),
    ("fr", "child_helpline", "allo119.gouv.fr", "unverified"),
    ("fr", "child_helpline", "119", "unverified"), ("fr", "child_helpline", "3018", "unverified"),
    ("fr", "crisis", "3114.fr", "seen"), ("pl", "csam_hotline", "dyzurnet.pl", "seen"),
    ("ru", "child_helpline", "8-800-2000-122", "seen"),
    ("ru", "child_helpline", "telefon-doveria.ru", "seen"), ("ua", "missing_child", "116 000", "seen"),
    ("ca", "child_helpline", "1-800-668-6868", "seen"),
    ("ca", "child_helpline", "CONNECT to 686868", "seen"),
    ("ca", "child_helpline", "kidshelpphone.ca", "seen"), ("ca", "csam_hotline", "cybertip.ca", "seen"),
    ("ca", "crisis", "988.ca", "seen"), ("au", "child_helpline", "1800 55 1800", "seen"),
    ("au", "child_helpline", "kidshelpline.com.au", "seen"), ("au", "report", "esafety.gov.au", "seen"),
    ("in", "child_helpline", "1098", "seen"), ("in", "child_helpline", "childlineindia.org", "seen"),
    ("br", "crisis", "188", "seen"), ("br", "crisis", "cvv.org.br", "seen"),
    ("br", "child_helpline", "100", "seen"), ("", "directory", "findahelpline.com", "seen"),
    ("", "directory", "childhelplineinternational.org", "seen"), ("", "csam_hotline", "inhope.org", "seen"),
)  # fmt: skip


def lines_of(code: str) -> Iterator[HelpLine]:
    """Of a country's own file, whoever is shown them, or of the common one."""
    countries = product().countries
    own = countries.get(code) or next((one for one in countries.values() if code in one.covers), None)
    for pack in (own, countries[COMMON]):
        for line in pack.help_lines if pack is not None else ():
            if not line.countries or code in line.countries:
                yield line


@pytest.mark.parametrize("known", KNOWN, ids=lambda one: " ".join(one[:3]))
def test_what_is_known_is_in_it(known: tuple[str, str, str, str]) -> None:
    code, kind, where, status = known
    found = [
        line
        for line in lines_of(code)
        if line.kind == kind
        and where in (line.phone, line.text, *(one.removeprefix("=") for one in line.web))
    ]
    assert [line.status for line in found] == [status]


# What a source names: a site, the operator itself, a list of help lines, a body or a standard.
NAMED = re.compile(
    r"\b[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}\b|own (site|pages)|public (code|list)|Wikipedia|IWF's report|"
    r"Child Helpline International|European Commission|3GPP TS \d"
)
UNNAMED = "general knowledge"


def named_sources(source: str) -> list[str]:
    """The parts of a source that a reader can look up."""
    return [part for part in source.split(";") if UNNAMED not in part and NAMED.search(part)]


@pytest.mark.parametrize(
    "source", [UNNAMED, "the number is general knowledge", "the internet", "a friend; x"]
)
def test_what_names_nothing_is_no_source(source: str) -> None:
    assert named_sources(source) == []


def test_every_entry_says_where_it_is_from_and_nobody_has_confirmed_one_yet() -> None:
    lines = [line for one in product().countries.values() for line in one.help_lines]
    assert len(lines) >= 70
    for line in lines:
        # Without a source that can be looked up, an entry has to say so, and is never counted as seen.
        if line.status == "unverified":
            assert UNNAMED in line.source, line.id
        else:
            assert named_sources(line.source), (line.id, line.source)
        for channel in line.channels:
            assert named_sources(channel.source), (line.id, channel.source)
            assert channel.dated.year in (2025, 2026), line.id
        assert line.dated.year == 2026
        assert line.kind in HELP_LINE_KINDS
        # A day is set by a person whose name is beside it: parse_country refuses one without the other.
        assert (line.verified_on is None) is (line.verified_by == "")
        assert help_line_entry(line).confirmed is (line.verified_on is not None)


@cache
def world() -> World:
    """As in a running gateway: its own resolver gave each name the address that is called."""
    return replace(product().world(("en", "ru", "kk")), help_address=lambda _host, _dst: True)


@cache
def judge(band: AgeBand) -> Judge:
    return Judge(a_profile(f'{{band: "{band.value}", limits: {{internet: 1h}}}}'), world(), CALENDAR)


def seen(host: str) -> tuple[Observation, ...]:
    return asks(host), asks(host, 28), asks(host, 65), connects(host), connects(host, proto=Proto.QUIC)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("band", list(AgeBand), ids=lambda one: one.value)
def test_each_name_is_open_in_every_band_and_state(band: AgeBand, state: str) -> None:
    situation, now = STATES[state]
    names = [one.removeprefix("=") for one in product().help_names]
    assert len(names) >= 60
    wrong = {
        f"{one.proto} {name}": found.reason
        for name in names
        for one in seen(name)
        if (found := judge(band).decide(one, situation, now)).reason is not Reason.HELP
    }
    assert wrong == {}


def reachable(code: str) -> list[str]:
    """Sites of a country's lines that the never-block door opens, by their name and for a call."""
    country = product().countries.get(code)
    own = country or next(one for one in product().countries.values() if code in one.covers)
    sites = [
        line.site for line in own.help_lines if line.site and (not line.countries or code in line.countries)
    ]
    younger = judge(AgeBand.AGE_0_5)
    return [
        site
        for site in sites
        if all(younger.decide(one, PAUSED, NIGHT).reason is Reason.HELP for one in seen(site))
    ]


def test_every_country_that_ships_has_a_site_that_can_be_reached() -> None:
    codes = [code for code in product().countries if code != COMMON]
    codes += [code for one in product().countries.values() for code in one.covers]
    unreachable = sorted(code for code in codes if not reachable(code))
    assert unreachable == [], f"countries without a help line that can be reached on the web: {unreachable}"


def test_every_country_has_somebody_to_complain_to() -> None:
    codes = {code for code in product().countries if code != COMMON}
    codes |= {code for one in product().countries.values() for code in one.covers}
    for code in codes:
        found = rights_for(product().countries, code)
        assert found, code
        assert all(
            judge(AgeBand.AGE_0_5).decide(asks(one.site), PAUSED, NIGHT).reason is Reason.HELP
            for one in found
        )
    german = [one.id for one in rights_for(product().countries, "de")]
    assert german[:3] == ["de-bfdi", "eu-edpb", "eu-enoc"]
    everywhere = rights_for(product().countries, "")
    assert {one.kind for one in everywhere} == {"rights"}


@pytest.mark.parametrize("category", ["adult", "malware", "ads_trackers"])
def test_a_list_with_a_help_line_or_a_parent_of_it_does_not_block_it_and_the_conflict_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, category: str
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("childline.org.uk\norg.uk\nbad.example\n")
    source = BuildSource("school-list", category, listed, Format.DOMAINS)
    with caplog.at_level(logging.WARNING):
        build_table(
            [source],
            tmp_path / "table",
            built="",
            canaries=without_innocent(tmp_path),
            is_public_suffix=public_suffix_check(),
        )
    assert "school-list: entry childline.org.uk would block the help line" in caplog.text
    assert "school-list: entry org.uk would block the help line childline.org.uk" in caplog.text
    table = DomainTable((tmp_path / "table").read_bytes())
    assert table.categories("bad.example") == {category}
    assert table.categories("www.childline.org.uk") == frozenset()
    # Even a table that has it, and a family that blocks it, does not shut it.
    full = replace(world(), table=table_of({"org.uk": {category}, "childline.org.uk": {category}}))
    family = "block: [childline.org.uk]"
    for band in AgeBand:
        strict = Judge(a_profile(f'band: "{band.value}"\n{family}'), full, CALENDAR)
        for situation, now in STATES.values():
            for one in seen("www.childline.org.uk"):
                assert strict.decide(one, situation, now).reason is Reason.HELP


def without_innocent(folder: Path) -> Canaries:
    """The gateway's own canaries, without the innocent sites, for which the whole list would be refused."""
    own = read_library(folder).canaries
    return Canaries((), known=own.known, must=own.must)


@pytest.mark.parametrize(
    "host",
    [
        "fake988lifeline.org",
        "988lifeline.com",
        "988lifeline.org.evil.example",
        "xchildline.org.uk",
        "org.uk",
        "childline.org.uk.example",
        "mychildhelp.org",
        "lifeline.org",
    ],
)
def test_a_look_alike_has_no_free_pass(host: str) -> None:
    for band in AgeBand:
        if not band.is_child:
            continue
        for one in seen(host):
            assert judge(band).decide(one, PAUSED, NOON).reason is Reason.PAUSED


@pytest.mark.parametrize("host", ["988lifeline.org", "chat.988lifeline.org", "a.b.988lifeline.org"])
def test_whole_labels_below_one_have_it(host: str) -> None:
    assert judge(AgeBand.AGE_10_12).decide(asks(host), PAUSED, NOON).reason is Reason.HELP


def test_what_is_no_help_is_shut_in_each_of_these_states() -> None:
    for band in AgeBand:
        for name, (situation, now) in STATES.items():
            if name == "bedtime" and not product().bands[band].rules.bedtime:
                continue  # from sixteen on there is none until somebody sets one
            found = judge(band).decide(asks("www.khanacademy.org"), situation, now)
            assert found.allowed is (name == "open"), (band, name)
