"""Tricks of somebody who knows how newcomers are judged."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.control.protocol import Role
from gateway.policy.accounts.people import Account
from gateway.policy.identity.copies import QUIET
from gateway.wire.lan.mdns import Mdns
from gateway.wire.lan.overheard import Overheard
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, TABLET, Desk
from tests.features.devices.sighted import (
    AGAIN,
    GALAXY,
    IOS,
    IPAD,
    MINUTE,
    OTHER,
    SECOND,
    arrive,
    asked,
    copy,
    devices_of,
    leave,
    member,
    sighted,
)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return sighted(make, monkeypatch)


# ------------------------------------------------------------------- tricks of who knows how it works


def test_who_calls_itself_a_console_is_the_child_s_all_the_same(desk: Desk) -> None:
    """A device's name is changed in a minute, and its kind is guessed by it."""
    leave(desk, TABLET)
    arrive(desk, AGAIN, host_name="PlayStation")
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    arrive(desk, AGAIN, host_name="PlayStation", options=IOS)
    assert asked(desk)[AGAIN]["known"] == TABLET


def test_an_address_that_was_shown_before_is_no_way_out(desk: Desk) -> None:
    """It came while the tablet was there, nobody answered; a day later the tablet takes it."""
    arrive(desk, AGAIN)
    assert asked(desk)[AGAIN]["rules"] is None
    leave(desk, AGAIN)
    desk.go(timedelta(days=1))
    leave(desk, TABLET)
    desk.go(MINUTE)
    desk.ask("sight", mac=AGAIN, what="back")
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    assert member(desk, AGAIN).profile.id == "daughter"


def test_nor_one_about_which_nobody_asks_any_more(desk: Desk) -> None:
    arrive(desk, AGAIN)
    leave(desk, AGAIN)
    desk.go(timedelta(days=8))
    assert asked(desk) == {}
    leave(desk, TABLET)
    desk.ask("sight", mac=AGAIN, what="back")
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_a_friend_who_comes_every_week_is_not_asked_about_every_week(desk: Desk) -> None:
    arrive(desk, OTHER)
    leave(desk, OTHER)
    desk.go(timedelta(days=8))
    desk.ask("sight", mac=OTHER, what="back")
    desk.go(2 * MINUTE)
    assert asked(desk) == {}


def test_who_was_there_beside_the_tablet_is_not_the_tablet(desk: Desk) -> None:
    """The tablet falls asleep ten minutes after a friend came."""
    arrive(desk, OTHER)
    for _ in range(30):
        for mac in (OTHER, TABLET):
            desk.ask("sight", mac=mac, what="back")
        desk.go(timedelta(seconds=5))
    leave(desk, TABLET)
    desk.go(timedelta(seconds=6))
    assert asked(desk)[OTHER]["ask"] == "new"
    assert member(desk, OTHER).slot == desk.family.unknown


def test_changing_the_address_twice_leads_no_further_than_once(desk: Desk) -> None:
    leave(desk, TABLET)
    arrive(desk, AGAIN, host_name="x")
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    desk.go(timedelta(hours=2))
    leave(desk, AGAIN)
    desk.go(MINUTE)
    arrive(desk, OTHER, host_name="y")
    assert asked(desk)[OTHER]["rules"] == "daughter"
    assert member(desk, OTHER).profile.id == "daughter"


def test_the_second_new_address_stands_for_the_tablet_too(desk: Desk) -> None:
    leave(desk, TABLET)
    arrive(desk, AGAIN, **IPAD)
    desk.go(timedelta(days=1))
    leave(desk, AGAIN)
    arrive(desk, OTHER, **IPAD)
    assert asked(desk)[OTHER]["known"] == TABLET
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("identify", Role.WEB, mac=OTHER, answer="again", by="Mum", origin="192.168.1.7")
    assert devices_of(desk, "daughter") == [OTHER, SECOND]


def test_pulling_the_gateway_s_plug_is_no_way_to_change_addresses(desk: Desk) -> None:
    """The disk may know a quarter of an hour less than was seen."""
    desk.store.devices.flush()
    desk.go(timedelta(minutes=20))
    desk.restart()
    arrive(desk, AGAIN, host_name="x")
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_nor_with_an_address_that_was_shown_before(desk: Desk) -> None:
    arrive(desk, AGAIN)
    leave(desk, AGAIN)
    desk.go(timedelta(hours=1))
    arrive(desk, TABLET, **IPAD)
    desk.store.devices.flush()
    sights = [desk.presence.inventory.sight(mac) for mac in (TABLET, AGAIN)]
    desk.go(timedelta(minutes=20))
    desk.restart()
    desk.presence.inventory.load([one for one in sights if one is not None])
    desk.ask("sight", mac=AGAIN, what="back")
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_who_went_long_before_the_restart_did_not_go_by_it(desk: Desk) -> None:
    arrive(desk, OTHER)
    desk.ask("assign", mac=OTHER, profile="guest")
    for mac in (TABLET, SECOND, PHONE, MUMS):
        leave(desk, mac)
    desk.go(timedelta(hours=2))
    arrive(desk, OTHER)
    desk.restart()
    arrive(desk, AGAIN)
    assert asked(desk)[AGAIN]["rules"] is None


@pytest.mark.parametrize("ahead", [timedelta(hours=3), -timedelta(hours=3), timedelta(days=20)])
def test_a_clock_that_is_set_hides_nobody(desk: Desk, ahead: timedelta) -> None:
    arrive(desk, AGAIN)
    desk.jump(ahead)
    leave(desk, TABLET)
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    desk.go(timedelta(minutes=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_questions_move_with_the_clock(desk: Desk) -> None:
    copy(desk)
    desk.go(timedelta(hours=2))
    arrive(desk, MUMS, **GALAXY)
    asked_at = asked(desk)[MUMS]["at"]
    desk.jump(timedelta(days=2))
    desk.go(timedelta(minutes=2))
    assert asked(desk)[MUMS]["at"] == asked_at + timedelta(days=2)
    assert member(desk, MUMS).profile.id == "daughter", "no day has gone by"
    desk.restart()
    assert asked(desk)[MUMS]["at"] == asked_at + timedelta(days=2)
    desk.go(QUIET + MINUTE)
    assert asked(desk) == {}


def test_what_was_asked_by_a_right_clock_stays_when_a_wrong_one_is_put_right(desk: Desk) -> None:
    arrive(desk, OTHER)
    desk.restart()
    desk.watch.known = False
    arrive(desk, AGAIN)
    before = {mac: one["at"] for mac, one in asked(desk).items()}
    desk.jump(timedelta(hours=5))
    after = {mac: one["at"] for mac, one in asked(desk).items()}
    assert after == {OTHER: before[OTHER], AGAIN: before[AGAIN] + timedelta(hours=5)}


@pytest.mark.parametrize("mac", [MUMS, OTHER])
def test_a_television_that_is_known_better_is_no_copy(desk: Desk, mac: str) -> None:
    """It is a phone by its DHCP, as all with Android, until it names its services."""
    arrive(desk, mac, vendor_class="android-dhcp-11")
    if mac == OTHER:
        desk.ask("assign", mac=mac, profile="home")
    tell = Mdns(services=frozenset({"_androidtvremote2"}))
    desk.presence.inventory.heard(mac, 0, Overheard(b"", mdns=tell))
    desk.go(timedelta(seconds=2))
    traits = desk.presence.inventory.traits(mac)
    assert traits is not None
    assert traits.kind == "tv"
    assert mac not in asked(desk)
    assert desk.family.member_of(mac) is None
