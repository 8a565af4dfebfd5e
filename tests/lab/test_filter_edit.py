"""A page changes what stands in a child's file: it holds at once, for that child alone, and is taken back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.core.errors import ControlError
from gateway.kernel.marks import MAX_CLASS
from gateway.store.database import StoreError
from gateway.store.store import Store
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT_MS,
    FAMILIES,
    REFUSED,
    assert_started,
    fetch,
    film,
    fresh,
    until,
)
from tests.lab.home import Home

pytestmark = pytest.mark.lab

BY = {"by": "Mum"}


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home) as started:
        yield started


@FAMILIES
def test_an_entry_of_block_cuts_that_childs_flow_and_leaves_the_others(
    home: Home, daemon: Daemon, version: int
) -> None:
    tablet = home.devices["tablet"]
    with (
        film(tablet, ALLOWED, version) as child,
        film(home.devices["phone"], ALLOWED, version) as brother,
        film(home.devices["parent"], ALLOWED, version) as mother,
    ):
        assert_started(child, brother, mother)
        began = time.monotonic()
        done = daemon.client.call("edit", id="daughter", set={f"block/{ALLOWED}": True}, **BY)
        answered = (time.monotonic() - began) * 1000
        took = child.death(began)
        print(f"edit → answered after {answered:.0f} ms, the stream over IPv{version} dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
        assert brother.flows()
        assert mother.flows()
        assert not fetch(tablet, f"https://{ALLOWED}/", version).reached
        daemon.client.call("unedit", id="daughter", revision=done["undo"], **BY)
        assert until(lambda: fetch(tablet, f"https://{ALLOWED}/", version).reached, 3.0) is not None
        assert brother.runs
        assert mother.runs


def test_a_device_moves_with_its_rules_and_a_refused_edit_moves_nothing(home: Home, daemon: Daemon) -> None:
    phone = home.devices["phone"]
    mac = daemon.client.call("rules", id="son")["own"]["devices"][0]
    daemon.client.call("edit", id="daughter", set={f"block/{ALLOWED}": True}, **BY)
    with film(phone, ALLOWED, 4) as stream:
        assert_started(stream)
        with pytest.raises(ControlError) as caught:
            daemon.client.call("edit", id="daughter", set={f"devices/{mac}": True, "mode": "x"}, **BY)
        assert caught.value.code == "bad_rule"
        assert stream.flows()
        began = time.monotonic()
        done = daemon.client.call("edit", id="daughter", set={f"devices/{mac}": True}, **BY)
        assert done["moved"] == [{"mac": mac, "from": "son"}]
        took = stream.death(began)
        assert took is not None
        assert took <= CUT_MS
    daemon.client.call("unedit", id="daughter", revision=done["undo"], **BY)
    assert daemon.client.call("rules", id="son")["own"]["devices"] == [mac]
    assert until(lambda: fetch(phone, f"https://{ALLOWED}/", 4).reached, 3.0) is not None


def test_it_holds_after_a_kill(home: Home, daemon: Daemon) -> None:
    daemon.client.call("edit", id="son", set={f"block/{ALLOWED}": True}, **BY)
    daemon.kill()
    daemon.start()
    assert not fetch(home.devices["phone"], f"https://{ALLOWED}/", 4).reached
    assert Path(home.folder / "qalqan" / "profiles" / "history").is_dir()


def test_combinations_of_earlier_rules_leave_a_number_for_those_of_now(home: Home, daemon: Daemon) -> None:
    """As after many edits of one profile: every class number of the tablet's slot is taken."""
    tablet = home.devices["tablet"]
    daemon.stop()
    store = Store(daemon.database)
    slot = store.slots.all()[names.TABLET.mac]
    with suppress(StoreError):
        for number in range(MAX_CLASS + 1):
            store.class_number(slot, frozenset({"device", f"service:{number}"}))
    store.close()
    daemon.start()
    assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
    assert not fetch(tablet, f"https://{REFUSED}/", 4).reached
