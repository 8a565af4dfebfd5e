"""At 16 and 17 a child turns on a bedtime for itself: it closes as any other, and the child turns it off."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from gateway.core.errors import ControlError
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT_MS,
    MUM,
    ZONE,
    assert_started,
    fetch,
    film,
    fresh,
    set_time,
    until,
)
from tests.lab.home import Home

pytestmark = pytest.mark.lab

TABLET, PIN = names.TABLET.mac, "7035"
TEEN: dict[str, Any] = {"name": "Aru", "band": "16-17", "devices": [TABLET]}
NIGHT: dict[str, object] = {"bedtime": "22:00-07:00"}


def set_own(daemon: Daemon, changes: dict[str, object], pin: str = PIN) -> None:
    daemon.client.call("self_set", device=TABLET, pin=pin, set=changes)


def test_a_bedtime_of_its_own_closes_a_running_connection_and_turned_off_it_opens(home: Home) -> None:
    tablet, url = home.devices["tablet"], f"https://{ALLOWED}/"
    with fresh(home, {"aru": TEEN, "mum": MUM}) as daemon:
        night = set_time(daemon, f"{datetime.now(ZONE).date()}T22:30:00")
        daemon.client.call("pin", action="set", who="aru", pin=PIN)
        with film(tablet, ALLOWED, 4) as hers, film(home.devices["parent"], ALLOWED, 4) as mothers:
            assert_started(hers, mothers)
            with pytest.raises(ControlError) as refused:
                set_own(daemon, NIGHT, pin="9999")
            assert refused.value.code == "pin_wrong"
            assert hers.flows()
            began = time.monotonic()
            set_own(daemon, NIGHT)
            took = hers.death(began)
            print(f"turned on → the stream is dead after {took} ms")
            assert took is not None
            assert took <= CUT_MS
            assert mothers.flows()
        for version in (4, 6):
            assert not fetch(tablet, url, version).reached
        told = daemon.client.call("device", mac=TABLET)
        assert (told["state"], told["owner"]) == ("bedtime", "self:Aru")
        daemon.kill()
        daemon.start_at(night)
        assert until(lambda: not fetch(tablet, url, 4).reached, 5.0) is not None, "a kill turns nothing off"
        daemon.client.call("edit", id="aru", set={"bedtime": "22:15-06:00"}, by="Mum")
        set_own(daemon, {"bedtime": None})
        assert not fetch(tablet, url, 4).reached, "what a guardian set holds still"
        daemon.client.call("edit", id="aru", set={"bedtime": None}, by="Mum")
        set_own(daemon, NIGHT)
        assert not fetch(tablet, url, 4).reached
        set_own(daemon, {"bedtime": None})
        assert until(lambda: all(fetch(tablet, url, one).reached for one in (4, 6)), 5.0) is not None
