"""A new device, a guest and a shared screen that an adult's proof opens for a while: all at once, and closed
again at its end with everything that runs. A child's own device stays the child's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, timedelta

import pytest

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import METHOD
from tests.lab import names
from tests.lab.clients import Stream
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT,
    CUT_MS,
    DAUGHTER,
    MUM,
    REFUSED,
    SON,
    ZONE,
    QuicFilm,
    assert_started,
    epoch,
    fetch,
    film,
    fresh,
    set_time,
    until,
)
from tests.lab.home import Home

pytestmark = pytest.mark.lab

NEW, TABLET = names.NEW.mac, names.TABLET.mac
DIGEST = "5e" * 64
SHARED = {TABLET: {"people": ["daughter", "son"]}}
PROFILES = {"daughter": {**DAUGHTER, "devices": [names.PHONE.mac]}, "son": {**SON, "devices": []}, "mum": MUM}


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.join("new")
    with fresh(home, PROFILES, shared=SHARED, unknown_devices="quarantine") as started:
        started.client.call("forget", mac=NEW)  # it may have been there at the first run
        token = started.client.call("guardian", action="add", name="Mum")["token"]
        session = started.client.call("guardian", action="signin", token=token)["session"]
        secret = f"{METHOD}$Salt{'0' * 12}${DIGEST}"
        started.client.call("guardian", action="password", session=session, secret=secret)
        yield started


@pytest.fixture(autouse=True)
def today(daemon: Daemon) -> date:
    """It is evening. A daemon that starts anew has an afternoon of the machine's own day."""
    day = datetime.now(ZONE).date()
    set_time(daemon, f"{day}T18:00:00")
    return day


def unlock(daemon: Daemon, mac: str, length: str = "morning") -> None:
    daemon.client.call(
        "adult_proof", action="open", device=mac, length=length, method="password", name="Mum", digest=DIGEST
    )


def test_a_new_device_opens_after_the_proof_and_closes_at_six(
    home: Home, daemon: Daemon, today: date
) -> None:
    device = home.devices["new"]
    for version in (4, 6):
        assert not fetch(device, f"https://{ALLOWED}/", version, timeout=1.0).reached
        with QuicFilm(device, ALLOWED, version, seconds=2.0) as knocking:
            assert knocking.is_refused()
    unlock(daemon, NEW)
    for version in (4, 6):
        for host in (ALLOWED, REFUSED):
            assert fetch(device, f"https://{host}/", version).reached
    with ExitStack() as stack:
        films: list[Stream] = [stack.enter_context(film(device, REFUSED, version)) for version in (4, 6)]
        quic = [stack.enter_context(QuicFilm(device, ALLOWED, version, seconds=600.0)) for version in (4, 6)]
        assert_started(*films)
        assert all(one.started() for one in quic)
        daemon.kill()
        daemon.start_at(epoch(f"{today}T18:00:30") - time.time())
        assert daemon.client.call("device", mac=NEW)["adult_proof"]["by"] == "Mum", "a kill ends it not"
        morning = today + timedelta(days=1)
        set_time(daemon, f"{morning}T05:50:00")
        assert all(one.flows() for one in films), "ten minutes are left"
        assert all(one.flows() for one in quic)
        ahead = set_time(daemon, f"{morning}T05:59:58")
        ends = time.monotonic() + epoch(f"{morning}T06:00:00") - ahead - time.time()
        died = [one.death(ends) for one in films]
        assert all(one is not None and 0.0 < one <= CUT_MS for one in died), f"not before six: {died}"
        for one in quic:
            assert until(lambda one=one: not one.flows(0.5), 5.0) is not None  # type: ignore[misc]
    for version in (4, 6):
        assert not fetch(device, f"https://{ALLOWED}/", version, timeout=1.0).reached
        with QuicFilm(device, ALLOWED, version, seconds=2.0) as again:
            assert again.is_refused()
    print(f"from six o'clock to the films' end: {died} ms")


def test_it_is_closed_at_once_where_somebody_ends_it(home: Home, daemon: Daemon) -> None:
    device = home.devices["new"]
    unlock(daemon, NEW, "1h")
    with film(device, ALLOWED, 4) as running:
        assert_started(running)
        ended = time.monotonic()
        daemon.client.call("adult_proof", action="end", device=NEW)
        died = running.death(ended)
        assert died is not None
        assert died <= CUT_MS
    assert not fetch(device, f"https://{ALLOWED}/", 6, timeout=1.0).reached


def test_a_shared_tablet_is_the_youngest_s_before_and_after(home: Home, daemon: Daemon) -> None:
    tablet = home.devices["tablet"]
    assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
    unlock(daemon, TABLET, "4h")
    with film(tablet, REFUSED, 4) as hers, film(tablet, ALLOWED, 6) as everybodys:
        assert_started(hers, everybodys)
        ended = time.monotonic()
        daemon.client.call("adult_proof", action="end", device=TABLET)
        died = hers.death(ended)
        assert died is not None
        assert died <= CUT_MS
    for version in (4, 6):
        assert fetch(tablet, f"https://{REFUSED}/", version).how in CUT
        assert fetch(tablet, f"https://{ALLOWED}/", version).reached


def test_a_child_s_own_device_is_refused(home: Home, daemon: Daemon) -> None:
    with pytest.raises(ControlError) as caught:
        unlock(daemon, names.PHONE.mac)
    assert caught.value.code == Code.CHILDS_DEVICE
    assert fetch(home.devices["phone"], f"https://{REFUSED}/", 4).how in CUT
