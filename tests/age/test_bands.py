from __future__ import annotations

import pytest

from gateway.age.bands import Band, youngest


def of(years: int) -> list[Band]:
    return [band for band in Band if band.ages[0] <= years <= (band.ages[1] or 999)]


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
    assert of(years) == [Band(band)]


def test_youngest_goes_by_age_not_by_spelling() -> None:
    assert youngest([Band.AGE_10_12, Band.AGE_6_9, Band.ADULT]) is Band.AGE_6_9
    assert [band for band in Band if band < Band.AGE_10_12] == [Band.AGE_0_5, Band.AGE_6_9]
    assert Band.AGE_6_9 <= Band.AGE_6_9


def test_only_the_last_band_is_adult() -> None:
    assert [band.value for band in Band if not band.is_child] == ["adult"]
    assert Band.ADULT.ages == (18, None)
