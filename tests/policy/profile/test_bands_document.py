"""docs/families/age-groups.md describes each age group as the judge applies it, and lists every law."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from gateway.age.bands import AgeBand
from gateway.policy.judge.decide import Judge
from gateway.policy.profile.rules import PLAY
from gateway.policy.time.time_rules import PLAIN
from gateway.policy.values import Reason
from tests.policy.homes import CALENDAR, a_profile, almaty, asks, product, table
from tests.policy.names.test_categories import BAND_CATEGORIES

DOCUMENT = (Path(__file__).parents[3] / "docs/families/age-groups.md").read_text()
AFTERNOON = almaty("2026-11-24T16:00")


@cache
def rows() -> dict[str, tuple[str, ...]]:
    lines = DOCUMENT.partition("| category | 0-5")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: tuple(rest) for first, *rest in cells}


@cache
def judge(band: AgeBand) -> Judge:
    names = {f"{kind.replace('_', '-')}.example": {kind} for kind in product().categories.by_id}
    world = replace(product().world(("en",)), table=table(names))
    return Judge(a_profile(f'band: "{band.value}"'), world, CALENDAR)


def does(band: AgeBand, host: str) -> str:
    """In a word of the table."""
    found = judge(band).decide(asks(host), PLAIN, AFTERNOON)
    if found.reason is Reason.REFUSED_FOR_EVERYONE:
        return "everyone"
    if found.reason is Reason.NOT_ON_LIST:
        return "list"
    if not found.allowed:
        return "ask" if found.askable else "block"
    return "count" if found.rule.endswith("= count") else "allow"


@pytest.mark.parametrize("kind", BAND_CATEGORIES)
def test_a_kind_does_what_the_table_says(kind: str) -> None:
    assert tuple(does(band, f"{kind.replace('_', '-')}.example") for band in AgeBand) == rows()[kind]


def test_names_of_no_kind_and_what_binds_everyone() -> None:
    assert tuple(does(band, "nobody-knows.example") for band in AgeBand) == rows()["no category"]
    for kind in ("malware", "phishing", "csam"):
        assert tuple(does(band, f"{kind}.example") for band in AgeBand) == rows()["malware, phishing, csam"]


def test_no_row_is_missing_or_too_many() -> None:
    others = {
        "no category", "malware, phishing, csam", "mode", "safe search", "bedtime, school night",
        "bedtime, free night", "daily time, school day", "daily time, free day", "stored level",
        "daemon is down",
    }  # fmt: skip
    assert rows().keys() == set(BAND_CATEGORIES) | others


def test_modes_nights_minutes_and_logs() -> None:
    shown: dict[str, list[str]] = {key: [] for key in rows()}
    for band in AgeBand:
        supplied = product().bands[band]
        rules = supplied.rules
        shown["mode"].append(rules.mode.value.value)
        shown["safe search"].append(rules.safe_search.value.value)
        shown["stored level"].append(str(rules.log_level))
        shown["daemon is down"].append(rules.failure.value.value)
        for free, day in ((False, "school"), (True, "free")):
            night = rules.bedtime.on(1, free=free)
            shown[f"bedtime, {day} night"].append("none" if night is None else str(night.value))
            play = rules.limits[PLAY].on(1, free=free) if PLAY in rules.limits else None
            shown[f"daily time, {day} day"].append("none" if play is None else str(play.value.seconds // 60))
    for key, cells in shown.items():
        assert not cells or tuple(cells) == rows()[key], key


def test_every_law_that_ships_is_in_it_with_its_status() -> None:
    lines = {line.split("`")[1]: line for line in DOCUMENT.splitlines() if line.startswith("| `")}
    assert lines.keys() == product().laws.keys()
    for one in product().laws.values():
        assert one.status.value in lines[one.id]


def test_the_marks_of_each_pack_name_every_band() -> None:
    marked = {code: [one.name for one in pack.ratings] for code, pack in product().countries.items()}
    assert {code: names for code, names in marked.items() if names} == {
        "au": ["Australian Classification"], "eu": ["PEGI"], "gb": ["BBFC", "PEGI"], "kz": ["Law 169-VI"],
        "ru": ["436-FZ"], "us": ["ESRB"],
    }  # fmt: skip
    for pack in product().countries.values():
        for one in pack.ratings:
            assert set(one.marks) == set(AgeBand)
            assert one.source
