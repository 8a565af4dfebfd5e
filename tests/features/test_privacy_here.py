"""That a device is here, came or went is told by the log level of whose it is, from every surface there is.

What is not told cannot be seen in any difference: each verb is asked before and after, and answers the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.lan.neighbours import Neighbour
from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from tests.features.conftest import Make, at
from tests.features.desk import MUMS, STRANGER, TABLET, Desk
from tests.features.surfaces import CHILDREN, MAXIMA, OF_A_CHILD, a_child_of, answers, others

CAME, NOW = "2026-11-24T15:23", "2026-11-24T16:30"
ADDRESS = "192.168.1.20"
SEEN = {"status", "devices"}  # verbs that tell it


def comes(desk: Desk, mac: str = TABLET, ip: str = ADDRESS) -> None:
    """As `Presence` follows a device: the inventory, the devices that were seen, the addresses they had."""
    now, found = desk.clock.now(), Neighbour(mac, ip, 2, online=True, answered=True)
    desk.presence.inventory.neighbour(found, event=True)
    desk.store.devices.seen(mac, now)
    desk.store.notes.seen(mac, [ip], now)


def goes(desk: Desk, mac: str = TABLET, ip: str = ADDRESS) -> None:
    desk.presence.inventory.lost(mac)
    desk.presence.inventory.neighbour(Neighbour("", ip, 2, online=False, gone=True), event=True)


def here(make: Make, band: str) -> Desk:
    desk = a_child_of(make, band, CAME)
    comes(desk)
    desk.store.notes.flush()
    desk.go(at(NOW) - at(CAME))
    return desk


def told(desk: Desk, mac: str = TABLET) -> dict[str, Any]:
    (one,) = desk.ask("devices", Role.WEB, mac=mac)["devices"]
    return dict(one)


@pytest.mark.parametrize("band", CHILDREN)
def test_below_level_2_no_answer_shows_that_a_device_came_or_left(make: Make, band: str) -> None:
    desk = here(make, band)
    with_it = answers(desk) | {"device": repr(told(desk))}
    goes(desk)
    gone = answers(desk) | {"device": repr(told(desk))}
    if MAXIMA[band] >= NAMES_LEVEL:
        assert others(with_it, gone) == {*SEEN, "device"}
    else:
        assert others(with_it, gone) == set()
    desk.go(timedelta(minutes=1))
    before = answers(desk)
    comes(desk)
    if MAXIMA[band] < NAMES_LEVEL:
        assert others(before, answers(desk)) == set()


@pytest.mark.parametrize("band", CHILDREN)
def test_its_presence_is_shown_as_a_time_a_day_or_not_at_all(make: Make, band: str) -> None:
    desk, level = here(make, band), MAXIMA[band]
    one = told(desk)
    seen = [
        one["first_seen"],
        one["last_seen"],
        *(had[key] for had in one["history"] for key in ("first", "last")),
    ]
    if level >= NAMES_LEVEL:
        assert (one["sightings"], one["online"], one["ip"]) == ("moment", True, ADDRESS)
        assert seen[:2] == [at(CAME)] * 2
    elif level >= KINDS_LEVEL:
        assert (one["sightings"], one["online"], one["ip"]) == ("day", None, None)
        assert set(seen) == {at("2026-11-24T00:00")}
    else:
        assert (one["sightings"], one["online"], one["ip"]) == ("nothing", None, None)
        assert set(seen) == {None}
    told_now = {verb: desk.ask(verb, **values) for verb, values in OF_A_CHILD.items() if verb in SEEN}
    del told_now["status"]["announced"]  # the guardian's account was created at that minute
    everything = repr(told_now)
    assert ("15, 23" in everything) == (level >= NAMES_LEVEL)


@pytest.mark.parametrize("band", ["13-15", "16-17"])
def test_its_kind_and_owner_are_shown_at_every_level(make: Make, band: str) -> None:
    """Administration: that it exists, its name, its addresses, its kind, and who has it."""
    desk = here(make, band)
    desk.ask("name_device", mac=TABLET, name="Blue tablet", by="Mum")
    one = told(desk)
    assert (one["mac"], one["name"], one["profile"]) == (TABLET, "Blue tablet", "daughter")
    assert one["addresses"] == [ADDRESS]
    assert TABLET in {device["mac"] for device in desk.ask("status")["profiles"][0]["devices"]}


@pytest.mark.parametrize(("band", "heard"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_a_look_around_finds_the_devices_of_whom_it_is_told_alone(make: Make, band: str, heard: bool) -> None:
    desk = here(make, band)
    desk.presence.scanning.found = frozenset({TABLET, STRANGER})
    found = desk.ask("scan", Role.WEB, look=True)["found"]
    assert (TABLET in found) is heard
    assert STRANGER in found


def test_a_stranger_is_told_whatever_age_the_children_have(make: Make) -> None:
    desk = here(make, "16-17")
    comes(desk, STRANGER, "192.168.1.99")
    one = told(desk, STRANGER)
    assert (one["sightings"], one["online"], one["last_seen"]) == ("moment", True, at(NOW))


def test_an_adult_of_the_family_is_nobodys_to_watch_either(make: Make) -> None:
    desk = here(make, "10-12")
    comes(desk, MUMS, "192.168.1.7")
    assert (told(desk, MUMS)["online"], told(desk, MUMS)["last_seen"]) == (None, None)


def test_a_device_that_an_adult_uses_is_not_watched_either(make: Make) -> None:
    desk = here(make, "10-12")
    comes(desk, STRANGER, "192.168.1.99")
    desk.ask("assign", mac=STRANGER, profile="adult", by="Mum")
    one = told(desk, STRANGER)
    assert (one["sightings"], one["online"], one["last_seen"]) == ("nothing", None, None)
    desk.ask("assign", mac=STRANGER, profile="home", by="Mum")
    assert told(desk, STRANGER)["sightings"] == "moment"


def test_of_a_shared_device_as_much_is_told_as_of_any_who_share_it(make: Make) -> None:
    ours = "02:00:00:00:00:aa"
    desk = a_child_of(make, "16-17", CAME, shared={ours: {"people": ["daughter", "son"]}})
    comes(desk, ours)
    assert told(desk, ours)["sightings"] == "day", "the son is 13"


@pytest.mark.parametrize(("band", "told_it"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_no_answer_or_event_shows_who_uses_a_shared_device(make: Make, band: str, told_it: bool) -> None:
    ours = "02:00:00:00:00:aa"
    desk = make(
        NOW,
        daughter={"band": band, "windows": {}, "bedtime": {}},
        son={"band": "6-9", "bedtime": {}},
        shared={ours: {"people": ["daughter", "son"]}},
    )
    desk.ask("guardian", action="add", name="Mum")
    desk.ask("pin", Role.WEB, who="daughter", action="set", pin="4821", by="Mum")
    desk.events.clear()
    before = answers(desk)
    desk.ask("use", Role.WEB, device=ours, who="daughter", pin="4821")
    assert desk.family.member_of(ours).profile.id == "daughter"  # type: ignore[union-attr]
    assert ("lent" in others(before, answers(desk))) is told_it
    assert bool(desk.heard("sharing")) is told_it
    if not told_it:
        assert others(before, answers(desk)) == set()
        assert desk.ask("lent")["devices"][0]["untold"], "that it may be so is told whoever has it"
    assert desk.ask("device", Role.WEB, mac=ours)["sharing"]["who"] == "daughter", "the device itself says it"
    desk.ask("leave", Role.WEB, device=ours)
    assert others(before, answers(desk)) == set()


def test_a_guardian_who_says_who_has_a_shared_device_reads_it(make: Make) -> None:
    ours = "02:00:00:00:00:aa"
    desk = a_child_of(make, "16-17", NOW, shared={ours: {"people": ["daughter", "son"]}})
    desk.ask("use", Role.WEB, device=ours, who="daughter", by="Mum")
    assert desk.ask("lent")["devices"][0]["who"] == "daughter"


@pytest.mark.parametrize(("band", "exact"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_that_a_child_set_its_pin_is_told_without_the_moment(make: Make, band: str, exact: bool) -> None:
    desk = a_child_of(make, band, NOW)
    desk.ask("pin", Role.WEB, action="set", device=TABLET, pin="7035")
    assert (desk.ask("status")["profiles"][0]["pin_set"] == at(NOW)) is exact
    assert bool(desk.heard("pin")) is exact


@pytest.mark.parametrize(("band", "exact"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_a_question_about_a_childs_device_stays_without_its_moment(
    make: Make, band: str, exact: bool
) -> None:
    desk = here(make, band)
    asked = IdentityQuestion(STRANGER, Ask.AGAIN, desk.clock.now(), known=TABLET, profile="daughter")
    assert desk.store.questions.put(asked, lambda _: None, desk.clock.now())
    (one,) = desk.ask("questions", Role.WEB)["questions"]
    assert (one["ask"], one["known"], one["owner"]) == ("again", TABLET, "daughter")
    assert (one["at"] == at(NOW), one["online"] is not None) == (exact, exact)
