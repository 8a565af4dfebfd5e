"""Age groups and their ages. Nothing that answers on the network knows the household's bracket."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.age.bands import AgeBand, youngest

GATEWAY = Path(__file__).parents[2] / "gateway"


def of(years: int) -> list[AgeBand]:
    return [band for band in AgeBand if band.ages[0] <= years <= (band.ages[1] or 999)]


def test_every_age_has_exactly_one_band() -> None:
    assert all(len(of(years)) == 1 for years in range(100))


@pytest.mark.parametrize(
    ("years", "band"),
    [
        (0, "0-5"),
        (5, "0-5"),
        (6, "6-9"),
        (9, "6-9"),
        (10, "10-12"),
        (13, "13-15"),
        (16, "16-17"),
        (18, "adult"),
    ],
)
def test_edges(years: int, band: str) -> None:
    assert of(years) == [AgeBand(band)]


def test_youngest_goes_by_age_not_by_spelling() -> None:
    assert youngest([AgeBand.AGE_10_12, AgeBand.AGE_6_9, AgeBand.ADULT]) is AgeBand.AGE_6_9
    assert [band for band in AgeBand if band < AgeBand.AGE_10_12] == [AgeBand.AGE_0_5, AgeBand.AGE_6_9]
    assert AgeBand.AGE_6_9 <= AgeBand.AGE_6_9


def test_only_the_last_band_is_adult() -> None:
    assert [band.value for band in AgeBand if not band.is_child] == ["adult"]
    assert AgeBand.ADULT.ages == (18, None)


def test_every_band_is_in_one_bracket() -> None:
    assert {band.value: band.bracket for band in AgeBand} == {
        "0-5": "<13", "6-9": "<13", "10-12": "<13", "13-15": "13-15", "16-17": "16-17", "adult": "18+",
    }  # fmt: skip


def test_nothing_of_the_gateway_sends_it() -> None:
    """It is made for a page that a child reads: no verb, no packet, no answer of DNS has it."""
    using = [
        str(path.relative_to(GATEWAY))
        for path in GATEWAY.rglob("*.py")
        if re.search(r"\.bracket\b|[\"']bracket[\"']", path.read_text())
    ]
    assert using == []
