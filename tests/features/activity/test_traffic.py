"""Live traffic: of whom a guardian may see it, for how long, and that nothing of it is stored."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import dns.message
import pytest

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.features.activity.traffic import CHILD_MINUTES, ENTRIES, KEPT, READ_EACH
from gateway.policy.identity.questions import Ask, IdentityQuestion
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, TABLET, Desk
from tests.features.watched import Watched

NOW = "2026-11-24T16:30"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TV, DADS, LAPTOP = (f"02:00:00:00:00:{tail}" for tail in ("40", "41", "42"))
IPS = {
    mac: f"192.168.1.{tail}"
    for mac, tail in ((MUMS, 12), (TABLET, 10), (PHONE, 11), (TV, 40), (DADS, 41), (LAPTOP, 42))
}
YOUNG: dict[str, object] = {
    "band": "6-9", "windows": {}, "bedtime": {}, "limits": {}, "mode": "block-list", "devices": [TABLET],
}  # fmt: skip


class House:
    """A desk whose devices send DNS queries from addresses of their own. Mum and Dad are guardians."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        for name in ("Mum", "Dad"):
            desk.ask("guardian", action="add", name=name)
        self.watched = Watched(desk)
        desk.presence.addresses.update({ip: mac for mac, ip in IPS.items()})
        self._names = count()

    def records(self) -> bool:
        return self.desk.live_decisions.watcher is not None

    def comes(self, mac: str, place: str = "", **traits: object) -> None:
        """A device is here, shows what it is, and a guardian assigns it."""
        self.desk.store.devices.seen(mac, self.desk.clock.now(), "")
        self.desk.ask("sight", mac=mac, **traits)
        if place:
            self.desk.ask("assign", mac=mac, profile=place, by="Mum")

    def reads(self, mac: str = MUMS, by: str = "Mum", **more: object) -> dict[str, Any]:
        return self.desk.ask("traffic", Role.WEB, by=by, origin=IPS[mac], **more)

    def asks(self, mac: str, host: str) -> None:
        self.watched.question(mac, dns.message.make_query(host, "A").to_wire(), IPS[mac])

    def sees(self, mac: str, own: str = MUMS, by: str = "Mum") -> bool:
        """Return whether a guardian who reads from the device ``own`` sees a query of another."""
        self.reads(own, by)
        host = f"seen{next(self._names)}.example"
        self.asks(mac, host)
        self.desk.go(SECOND)
        return host in self.hosts(own, by)

    def hosts(self, own: str = MUMS, by: str = "Mum", **more: object) -> list[str]:
        return [line["host"] for line in self.reads(own, by, **more)["lines"]]

    def watch(self, mac: str, by: str = "Mum", action: str = "start") -> dict[str, Any]:
        return self.desk.ask("traffic_watch", Role.WEB, mac=mac, action=action, by=by, origin=IPS[MUMS])

    def refused(self, mac: str) -> str:
        with pytest.raises(GatewayError) as caught:
            self.watch(mac)
        return str(caught.value.code)

    def banner(self, child: str = "daughter") -> dict[str, Any] | None:
        children = self.desk.ask("status", Role.WEB)["profiles"]
        found: dict[str, Any] | None = next(one for one in children if one["id"] == child)["watched"]
        return found


@pytest.fixture
def house(make: Make, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("QALQAN_TEST_CLOCK", "1")
    return House(make(NOW, daughter=YOUNG))


# --------------------------------------------------------------------------------------- whose devices


def test_a_guardian_sees_the_device_in_hand_and_others_in_its_owner_s_name(house: House) -> None:
    assert house.sees(MUMS)
    house.comes(LAPTOP, "mum")
    assert house.sees(LAPTOP)


def test_another_adult_s_device_is_never_seen(house: House) -> None:
    house.comes(DADS, "adult")
    assert not house.sees(DADS)
    assert not house.sees(MUMS, own=DADS, by="Dad"), "by the name of no account"
    assert house.sees(DADS, own=DADS, by="Dad")


@pytest.mark.parametrize("name", ["NPI4F2A10", "Samsung-TV"])
def test_a_device_of_the_house_is_seen_by_each_guardian(house: House, name: str) -> None:
    house.comes(TV, "home", host_name=name)
    assert house.sees(TV)
    assert house.sees(TV, own=DADS, by="Dad")


@pytest.mark.parametrize("name", ["Aruzhan-iPad", "iPhone", "nothing-known"])
def test_a_phone_that_is_called_unfiltered_has_no_live_traffic(house: House, name: str) -> None:
    house.comes(TV, "home", host_name=name)
    assert not house.sees(TV)


@pytest.mark.parametrize("place", ["guest", "visitor"])
def test_guests_are_never_seen(house: House, place: str) -> None:
    house.comes(TV, place, host_name="Samsung-TV")
    assert not house.sees(TV)
    assert house.refused(TV) == "traffic_private"


@pytest.mark.parametrize("band", ["10-12", "13-15", "16-17"])
def test_from_age_ten_on_a_child_is_never_seen(make: Make, band: str) -> None:
    house = House(make(NOW, daughter={**YOUNG, "band": band}))
    assert not house.sees(TABLET)
    assert house.refused(TABLET) == "traffic_private"
    assert house.desk.store.audit.lines(100)[0].what != "traffic"


def test_a_younger_age_group_later_does_not_open_it(make: Make) -> None:
    house = House(make(NOW, daughter={**YOUNG, "band": "13-15"}))
    house.desk.ask("edit", id="daughter", set={"band": "6-9"}, by="Mum")
    assert house.refused(TABLET) == "traffic_private"


def test_a_child_whose_log_level_is_lower_is_private(make: Make) -> None:
    house = House(make(NOW, daughter={**YOUNG, "log_level": 2}))
    assert house.refused(TABLET) == "traffic_private"


def test_a_device_that_an_older_child_shares_is_private(make: Make) -> None:
    house = House(
        make(NOW, daughter={**YOUNG, "devices": []}, shared={TABLET: {"people": ["daughter", "son"]}})
    )
    assert not house.sees(TABLET)
    assert house.refused(TABLET) == "traffic_private"


def test_an_adult_s_phone_in_a_child_s_hand_is_not_the_adult_s_own(house: House) -> None:
    assert house.sees(MUMS)
    house.desk.ask("hand_over", device=MUMS, who="son", by="Mum")
    assert not house.sees(MUMS)
    house.desk.ask("take_back", device=MUMS, by="Mum")
    assert house.sees(MUMS)


def test_a_question_about_a_device_makes_it_private(house: House) -> None:
    house.comes(TV, "home", host_name="Samsung-TV")
    assert house.sees(TV)
    question = IdentityQuestion(TV, Ask.AGAIN, house.desk.clock.now(), profile="son", known=PHONE)
    house.desk.store.questions.put(question, lambda _: None, house.desk.clock.now())
    house.desk.regroup()
    assert not house.sees(TV)


@pytest.mark.parametrize("by", ["Grandma", "Nobody"])
def test_only_guardians_read_it(house: House, by: str) -> None:
    house.desk.ask("guardian", action="add", name="Grandma", role="helper", minutes=30)
    for verb, values in (("traffic", {}), ("traffic_watch", {"mac": TABLET})):
        with pytest.raises(GatewayError):
            house.desk.ask(verb, Role.WEB, by=by, origin=IPS[MUMS], **values)


def test_without_an_address_there_is_no_own_device(house: House) -> None:
    house.sees(MUMS)
    assert house.desk.ask("traffic", Role.WEB, by="Mum")["lines"] == []
    assert house.desk.ask("traffic", Role.WEB, by="Mum", origin="203.0.113.9")["lines"] == []


# --------------------------------------------------------------------------------------- young children


def test_a_young_child_s_device_is_seen_for_a_quarter_of_an_hour_by_who_started_it(house: House) -> None:
    assert not house.sees(TABLET)
    house.watch(TABLET)
    assert house.sees(TABLET)
    assert not house.sees(TABLET, own=DADS, by="Dad")
    for _ in range(CHILD_MINUTES - 1):
        house.desk.go(MINUTE)
        assert house.sees(TABLET)
    house.desk.go(MINUTE)
    assert not house.sees(TABLET)
    assert house.hosts() == [], "what was seen is gone, too"


def test_the_child_s_page_and_log_say_who_and_until_when(house: House) -> None:
    assert house.banner() is None
    began = house.desk.local_now()
    house.watch(TABLET)
    banner = house.banner()
    assert banner is not None
    assert (banner["by"], banner["until"] - began) == ("Mum", CHILD_MINUTES * MINUTE)
    (line,) = [line for line in house.desk.store.audit.lines() if line.what == "traffic"]
    assert (line.who, line.detail) == ("Mum", f"daughter {CHILD_MINUTES} min {TABLET}")
    (change,) = house.desk.ask("own_changes", Role.WEB, device=TABLET)["changes"]
    assert (change["what"], change["by"], change["devices"][0]["mac"]) == ("traffic", "Mum", TABLET)
    house.watch(TABLET, action="end")
    assert house.banner() is None
    assert house.desk.ask("own_changes", Role.WEB, device=TABLET)["changes"], "it stays in the log"


def test_who_grows_older_meanwhile_is_private_at_once(house: House) -> None:
    house.watch(TABLET)
    assert house.sees(TABLET)
    house.desk.ask("edit", id="daughter", set={"band": "10-12"}, by="Mum")
    assert house.hosts() == []
    assert not house.sees(TABLET)
    assert house.banner() is None


def test_another_guardian_cannot_start_it_while_it_runs(house: House) -> None:
    house.watch(TABLET)
    with pytest.raises(GatewayError) as caught:
        house.watch(TABLET, by="Dad")
    assert caught.value.code == "busy"


def test_a_second_start_by_the_same_guardian_returns_the_running_view(house: House) -> None:
    first = house.watch(TABLET)
    house.desk.go(MINUTE)
    assert house.watch(TABLET) == first, "the same end"
    assert [line.who for line in house.desk.store.audit.lines() if line.what == "traffic"] == ["Mum"]
    house.desk.go((CHILD_MINUTES - 1) * MINUTE)
    assert house.watch(TABLET) != first, "it had ended"
    assert len([line for line in house.desk.store.audit.lines() if line.what == "traffic"]) == 2


# --------------------------------------------------------------------------------------- what is recorded


def test_the_packet_path_passes_decisions_on_only_while_someone_reads(house: House) -> None:
    assert not house.records()
    house.reads()
    assert house.records()
    house.desk.go(timedelta(seconds=READ_EACH + 10))
    assert not house.records()
    house.watch(TABLET)
    assert not house.records(), "a start alone reads nothing"


def test_a_paused_page_keeps_its_lines_for_a_while(house: House) -> None:
    assert house.sees(MUMS)
    found = house.hosts()
    house.desk.go(timedelta(seconds=READ_EACH + 10))
    assert house.hosts(paused=True) == found
    assert not house.records()
    house.desk.go(timedelta(seconds=KEPT))
    assert house.hosts(paused=True) == []


def test_it_is_bounded(house: House) -> None:
    house.reads()
    for number in range(ENTRIES + 20):
        house.asks(MUMS, f"name{number}.example")
    found = house.hosts()
    assert len(found) == ENTRIES
    assert found[-1] == f"name{ENTRIES + 19}.example"


def test_a_reader_gets_only_what_is_new(house: House) -> None:
    assert house.sees(MUMS)
    last = house.reads()["lines"][-1]["number"]
    house.asks(MUMS, "new.example")
    assert house.hosts(after=last) == ["new.example"]


def test_help_is_never_seen(house: House) -> None:
    house.reads()
    help_name = next(iter(house.desk.rules.help_names))
    house.asks(MUMS, help_name)
    assert house.hosts() == []


def test_nothing_of_it_is_stored(house: House) -> None:
    house.watch(TABLET)
    house.comes(TV, "home", host_name="Samsung-TV")
    house.reads()
    for mac in (MUMS, TV):
        house.asks(mac, "m4rked.example")
    assert house.hosts() == ["m4rked.example"] * 2
    assert not [name for name, data in house.watched.kept().items() if b"m4rked" in data]
    assert "m4rked" not in repr(house.desk.events), "events only say that there is something new"
