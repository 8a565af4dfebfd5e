from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.core.errors import ControlError
from tests.webui.standin.places import NOW
from tests.webui.standin.states import here
from webui.features.status.minutes_text import MinutesView, first_to_close, warning


def time_of(left: dict[str, Any] | None, *used: tuple[str, int, int, int]) -> MinutesView:
    """``used``: target, minutes, limit, bonus."""
    limits = [
        {"target": target, "name": target.title(), "minutes": minutes, "limit": limit, "bonus": bonus}
        for target, minutes, limit, bonus in used
    ]
    return here(left=left, used=limits).time


def bedtime(minutes: int) -> dict[str, Any]:
    at = NOW + timedelta(minutes=minutes)
    return {"minutes": minutes, "gate": "bedtime", "name": "The internet", "at": at, "week": False}


def closing(*ends: tuple[str, int]) -> MinutesView:
    """``ends``: gate, minutes."""
    told = [
        {"what": what, "minutes": minutes, "at": NOW + timedelta(minutes=minutes)} for what, minutes in ends
    ]
    return here(closing=told).time


def test_the_limit_with_the_fewest_minutes_is_first() -> None:
    first = first_to_close(time_of(bedtime(65), ("play", 50, 90, 0), ("service:roblox", 45, 60, 15)))
    assert first is not None
    assert (first.gate, first.minutes, first.whole) == ("service:roblox", 30, 75)


def test_bedtime_is_first_where_it_comes_sooner() -> None:
    first = first_to_close(time_of(bedtime(20), ("play", 50, 90, 0)))
    assert first is not None
    assert (first.gate, first.minutes, first.at) == ("bedtime", 20, NOW + timedelta(minutes=20))


def test_a_limit_that_closes_the_device_is_told_once_with_its_whole() -> None:
    left = {"minutes": 30, "gate": "internet", "name": "The internet", "at": None}
    first = first_to_close(time_of(left, ("internet", 90, 120, 0)))
    assert first is not None
    assert (first.minutes, first.whole) == (30, 120)


def test_more_used_than_there_is_leaves_nothing() -> None:
    (used,) = time_of(None, ("play", 99, 90, 0)).used
    assert used.left == 0


def test_nothing_that_closes_is_nothing_to_show() -> None:
    time = time_of(None)
    assert first_to_close(time) is None
    assert warning(time) is None
    assert not time.ends


@pytest.mark.parametrize(("minutes", "step"), [(15, 15), (6, 15), (5, 5), (2, 5), (1, 1), (0, None)])
def test_a_warning_comes_fifteen_five_and_one_minute_before(minutes: int, step: int | None) -> None:
    near = warning(closing(("bedtime", minutes)))
    assert (near.step if near else None) == step


def test_what_closes_first_is_announced() -> None:
    near = warning(closing(("window:service:roblox", 4), ("bedtime", 9)))
    assert near is not None
    assert (near.gate, near.minutes, near.at) == ("window:service:roblox", 4, NOW + timedelta(minutes=4))
    assert warning(closing()) is None


def test_which_device_used_how_much() -> None:
    devices = [{"mac": "02:00:00:00:00:0a", "minutes": 20}]
    (used,) = here(used=[{"target": "play", "minutes": 20, "devices": devices}]).status.used
    assert [(device.mac, device.minutes) for device in used.devices] == [("02:00:00:00:00:0a", 20)]


@pytest.mark.parametrize("due", [True, False, None])
def test_whether_a_landing_is_due_is_the_daemons_to_say(due: bool | None) -> None:
    assert here(landing={"minutes": 10, "due": due}).time.landing_due is bool(due)


def test_a_daemon_that_says_nothing_of_minutes_has_none() -> None:
    time = here().time
    assert (time.ends, time.used, time.landing, time.landing_taken, time.landing_due) == (
        False,
        (),
        0,
        False,
        False,
    )
    assert (first_to_close(time), warning(time)) == (None, None)


def test_another_shape_is_said_to_be_one() -> None:
    with pytest.raises(ControlError, match="restart both"):
        here(left={"minutes": "many"})
