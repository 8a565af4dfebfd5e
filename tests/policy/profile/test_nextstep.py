"""The month of the next age band: read, weighed, and kept in a profile's file."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.age.bands import Band
from gateway.core.errors import PolicyError
from gateway.policy.profile.growing import makes_sense, month_text, next_band, read_month
from tests.policy.homes import a_profile

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize("text", ["2027-5", "2027-13", "2027-00", "1999-05", "2027-05-01", "٢٠٢٧-05", ""])
def test_what_is_no_month(text: str) -> None:
    assert read_month(text) is None
    with pytest.raises(PolicyError, match="next_step: "):
        a_profile(f"band: 10-12\nnext_step: '{text}'\n")


def test_a_month_is_kept_as_it_is_written_also_one_that_is_past() -> None:
    assert a_profile("band: 10-12\nnext_step: 2027-05\n").next_step == "2027-05"
    assert a_profile("band: 10-12\nnext_step: 2020-01\n").next_step == "2020-01"
    assert a_profile("band: 10-12\n").next_step is None


@pytest.mark.parametrize(
    ("month", "sense"), [("2026-10", False), ("2026-11", True), ("2044-11", True), ("2044-12", False)]
)
def test_a_step_is_still_to_come_and_within_a_childhood(month: str, sense: bool) -> None:
    found = read_month(month)
    assert found is not None
    assert makes_sense(found, TODAY) is sense
    assert month_text(found) == month


def test_each_band_is_followed_by_the_next() -> None:
    assert [next_band(band) for band in Band] == [*list(Band)[1:], None]
