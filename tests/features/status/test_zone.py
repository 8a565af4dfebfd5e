"""`status` and `device` say the time zone of the home: an offset alone ends at the next clock change."""

from __future__ import annotations

from tests.features.conftest import Make
from tests.features.desk import TABLET


def test_the_state_of_the_home_and_of_a_device_has_its_time_zone(make: Make) -> None:
    desk = make("2026-11-24T16:30")
    assert desk.ask("status")["timezone"] == "Asia/Almaty"
    assert desk.ask("device", mac=TABLET)["timezone"] == "Asia/Almaty"
