"""An adult's device whose IP address another device takes: question, answer, end, and what follows it not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from socket import inet_aton

import pytest

from gateway.control.protocol import Role
from gateway.lan.inventory import BORROWED, CONTESTED_FOR, GONE_AFTER
from gateway.lan.neighbours import Neighbour
from gateway.policy.identity.copies import QUIET
from gateway.wire.lan.overheard import Overheard
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, STRANGER, TABLET, Desk
from tests.features.devices.sighted import IPAD, MINUTE, arrive, asked, audit, member, sighted

LAN, IP = 3, "192.168.77.12"


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return sighted(make, monkeypatch)


def answers(desk: Desk, mac: str, ip: str = IP) -> None:
    """The kernel learns that the device answers at this address, as after ARP."""
    desk.presence.inventory.neighbour(Neighbour(mac, ip, LAN, online=True, answered=True), event=True)
    desk.presence.addresses[ip] = mac


def sends(desk: Desk, mac: str, ip: str = IP) -> None:
    desk.presence.inventory.heard(mac, LAN, Overheard(inet_aton(ip), 64))


def back_again(desk: Desk, taker: str, first: str = MUMS) -> None:
    for mac in (first, taker, first):
        answers(desk, mac)


def used(desk: Desk, taker: str) -> None:
    for mac in (MUMS, taker):
        answers(desk, mac)
    sends(desk, MUMS)


def forwarded(desk: Desk, taker: str) -> None:
    """The taker sends what it received in the gateway's place. The gateway still reaches the first device."""
    answers(desk, MUMS)
    for _ in range(BORROWED):
        assert MUMS not in asked(desk)
        sends(desk, taker)


@pytest.mark.parametrize("how", [back_again, used, forwarded])
@pytest.mark.parametrize("taker", [TABLET, STRANGER])
def test_a_taken_address_is_a_question_and_changes_no_rules(
    desk: Desk, how: Callable[[Desk, str], None], taker: str
) -> None:
    arrive(desk, taker)
    before = member(desk, TABLET).profile.id
    how(desk, taker)
    one = asked(desk)[MUMS]
    assert (one["ask"], one["known"], one["rules"]) == ("address", taker, None)
    assert one["replies"] == ["fine"]
    assert "uses the IP address of" in one["sentence"]
    assert ("Daughter's" in one["sentence"]) == (taker == TABLET)
    assert member(desk, TABLET).profile.id == before
    assert desk.family.member_of(MUMS) is None, "hers are open as before"
    assert [line for line in audit(desk) if "device address" in line] == [
        f"device address {MUMS} {taker} qalqan"
    ]


@pytest.mark.parametrize("how", [back_again, used, forwarded])
def test_the_question_and_the_rules_stay_over_a_restart(desk: Desk, how: Callable[[Desk, str], None]) -> None:
    how(desk, TABLET)
    before = asked(desk)[MUMS]
    desk.restart()
    after = asked(desk)[MUMS]
    for key in ("ask", "known", "at", "sentence"):
        assert after[key] == before[key]
    assert member(desk, TABLET).profile.id == "daughter"
    assert desk.family.member_of(MUMS) is None, "hers are open as before"


def test_who_took_it_is_never_the_parent_for_the_pages(desk: Desk) -> None:
    back_again(desk, TABLET)
    here = desk.ask("device", ip=IP)
    assert (here["mac"], here["asked"]) == (MUMS, "address"), "sessions that begin there are short"
    answers(desk, TABLET)
    here = desk.ask("device", ip=IP)
    assert (here["mac"], here["profile"]) == (TABLET, "daughter")


def test_a_parents_session_is_not_accepted_on_a_childs_device(desk: Desk) -> None:
    """Wherever its cookie was read. One that began on the child's device itself is."""
    token = desk.ask("guardian", action="add", name="Mum")["token"]
    session = desk.ask("guardian", Role.WEB, action="signin", token=token)["session"]

    def refused(mac: str, began_on: str | None) -> bool:
        desk.presence.addresses[IP] = mac
        values = {"session": session, "ip": IP, "device": began_on}
        return bool(desk.ask("guardian", Role.WEB, action="check", **values)["handed"])

    assert refused(TABLET, MUMS)
    assert refused(PHONE, TABLET)
    for mac, began_on in ((MUMS, MUMS), (TABLET, TABLET), (STRANGER, MUMS), (MUMS, TABLET), (TABLET, None)):
        assert not refused(mac, began_on)


def test_answered_it_is_not_asked_again_until_it_was_over_for_a_day(desk: Desk) -> None:
    back_again(desk, TABLET)
    desk.ask("identify", mac=MUMS, answer="fine", by="Mum")
    assert asked(desk) == {}
    back_again(desk, TABLET)
    assert asked(desk) == {}
    desk.restart()
    desk.go(QUIET + 2 * MINUTE)
    back_again(desk, TABLET)
    assert MUMS in asked(desk)


def test_the_question_ends_a_day_after_the_last_time(desk: Desk) -> None:
    back_again(desk, TABLET)
    desk.go(timedelta(hours=20))
    back_again(desk, TABLET)
    desk.go(timedelta(hours=20))
    assert MUMS in asked(desk)
    desk.go(timedelta(hours=5))
    assert asked(desk) == {}
    assert any(line.startswith(f"address over {MUMS}") for line in audit(desk))


def test_ordinary_moves_are_no_question(desk: Desk) -> None:
    for mac in (MUMS, TABLET):  # a lease that another device got
        answers(desk, mac)
    sends(desk, TABLET)
    desk.go(timedelta(seconds=CONTESTED_FOR + 1))
    answers(desk, MUMS)  # and later again
    back_again(desk, PHONE, first=TABLET)  # of two children: each has the own rules
    answers(desk, MUMS)
    desk.go(timedelta(seconds=GONE_AFTER + 1))
    desk.presence.inventory.tick()
    for _ in range(BORROWED):
        sends(desk, TABLET)  # hers is away, and the kernel has not noticed yet
    desk.ask("assign", mac=STRANGER, profile="mum", by="Mum")
    back_again(desk, STRANGER)  # her two devices
    assert asked(desk) == {}


def test_a_copied_hardware_address_is_asked_about_first(desk: Desk) -> None:
    back_again(desk, TABLET)
    arrive(desk, MUMS, **IPAD)
    assert asked(desk)[MUMS]["ask"] == "copy"
    back_again(desk, TABLET)
    assert asked(desk)[MUMS]["ask"] == "copy"


def test_invented_senders_are_one_question(desk: Desk) -> None:
    answers(desk, MUMS)
    for number in range(20):
        for _ in range(BORROWED):
            sends(desk, f"02:00:00:00:01:{number:02x}")
    assert asked(desk)[MUMS]["known"] == "02:00:00:00:01:00"
    assert len([line for line in audit(desk) if "device address" in line]) == 1
