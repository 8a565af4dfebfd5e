"""What of a refusal is told to whom: the device, the parents' page, whoever listens to events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.control.protocol import ControlRequest, Role, decode, encode
from gateway.control.router import Router
from gateway.core.bus import Bus, ControlEvent
from gateway.core.clock import WallClock
from gateway.features.activity.decided import DecisionSource
from gateway.features.activity.refusals import RefusalVerb
from gateway.features.rules.edit_history import EditHistory
from gateway.household.context import HomeContext
from gateway.policy.values import Observation, Proto, Reason, Verdict
from tests.features.decisions import new_decision_log
from tests.features.desk import Loop, RightClock
from tests.household.a_home import NOON, PHONE, STRANGER, TABLET, Home
from tests.household.household_files import DAUGHTER

OTHER_GUEST = "02:00:00:00:00:98"


@dataclass
class Told:
    """A home, what it publishes, and what it answers."""

    home: Home
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        home = self.home
        self.bus = Bus()
        self.bus.subscribe(
            ControlEvent, lambda notice: self.events.append({"event": notice.event, **notice.values})
        )
        self.decision_log = new_decision_log(home.store, home.family, lambda: NOON, home.rules, self.bus)
        loop = cast("Any", Loop(lambda: NOON))
        context = HomeContext(loop, WallClock(lambda: NOON), RightClock(), home.rules, self.bus)
        decided = partial(DecisionSource, context, home.store.pauses, partial(EditHistory, home.rules))
        self._router = Router()
        log = self.decision_log
        verb = RefusalVerb(
            context, home.family, home.store.devices, log.recent, decided, log.is_public_suffix
        )
        verb.register(self._router)

    def _noticed(self, notice: ControlEvent) -> None:
        self.events.append({"event": notice.event, **notice.values})

    def asks(self, mac: str, host: str) -> None:
        self.sends(mac, Observation(Proto.DNS, host))

    def sends(self, mac: str, seen: Observation) -> None:
        member = self.home.family.member_of(mac)
        assert member is not None
        subject = self.home.family.subjects[member.slot]
        self.decision_log.decided(subject, seen, subject.decide(seen, NOON), NOON)

    def answer(self, **values: object) -> dict[str, Any]:
        answer = self._router.verbs["refusals"](ControlRequest("refusals", Role.WEB, 1, values))
        assert isinstance(answer, Mapping)
        return decode(encode(answer))


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    home = Home(tmp_path)
    yield Told(home)
    home.store.close()


def test_a_child_of_level_2_is_told_by_name(told: Told) -> None:
    told.asks(TABLET, "www.tiktok.com")
    (event,) = told.events
    assert (event["profile"], event["name"], event["device"]) == ("daughter", "Daughter", TABLET)
    assert event["sentence"] == "TikTok is blocked. Your family set this."
    (refusal,) = told.answer(profile="daughter")["refusals"]
    assert (refusal["host"], refusal["name"], refusal["owner"]) == ("www.tiktok.com", "TikTok", "family")


def test_below_level_2_others_are_told_neither_what_it_was_nor_when(told: Told) -> None:
    told.asks(PHONE, "www.pornhub.com")
    told.asks(PHONE, "www.instagram.com")
    assert told.events == []
    assert told.answer(profile="son") == {"refusals": [], "shared": False}
    own = told.answer(device=PHONE)["refusals"]
    assert {one["host"]: one["name"] for one in own} == {
        "www.pornhub.com": "Pornhub",
        "www.instagram.com": "Instagram",
    }


def test_at_level_0_nothing_is_told_to_others(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """A guest, an adult: the device itself is told all the same."""
    caplog.set_level("DEBUG")
    told.asks(STRANGER, "www.pornhub.com")
    assert told.answer(profile="guest") == {"refusals": [], "shared": False}
    assert told.events == []
    assert caplog.records == []
    (own,) = told.answer(device=STRANGER)["refusals"]
    assert own["host"] == "www.pornhub.com"


def test_the_metrics_count_decisions_of_level_2_and_above_only(told: Told) -> None:
    """Numbers that grow would show that a child of level 1 is here, or that its time is used up."""
    told.asks(PHONE, "www.pornhub.com")
    told.asks(STRANGER, "www.pornhub.com")
    assert told.decision_log.visible_verdicts == {}
    told.asks(TABLET, "www.tiktok.com")
    assert told.decision_log.visible_verdicts == {(Verdict.BLOCK, Reason.FAMILY_BLOCK): 1}
    assert sum(told.decision_log.verdicts.values()) == 3


def test_a_guest_sees_its_own_refusals_and_never_another_guest_s(told: Told) -> None:
    devices = told.home.store.devices
    devices.seen(STRANGER, NOON)
    told.asks(STRANGER, "www.pornhub.com")
    (own,) = told.answer(device=STRANGER)["refusals"]
    assert own["host"] == "www.pornhub.com"
    devices.seen(OTHER_GUEST, NOON - timedelta(minutes=11))
    assert told.answer(device=STRANGER)["refusals"] == [own]
    devices.seen(OTHER_GUEST, NOON - timedelta(minutes=9))
    for guest in (STRANGER, OTHER_GUEST):
        assert told.answer(device=guest) == {"refusals": [], "shared": True}


def test_a_sibling_s_device_is_asked_in_vain(told: Told) -> None:
    told.asks(TABLET, "www.tiktok.com")
    assert told.answer(device=PHONE) == {"refusals": [], "shared": False}
    assert told.answer(device="no mac") == {"refusals": [], "shared": False}


def test_a_connection_without_a_name_is_told_by_its_service(tmp_path: Path) -> None:
    home = Home(tmp_path, {**DAUGHTER, "block": ["service:telegram"], "categories": {"games": "ask"}})
    told = Told(home)
    for address in ("149.154.167.51", "149.154.175.53", "155.133.248.36"):
        told.sends(TABLET, Observation(Proto.TCP, None, ip_address(address).packed, 443))
    telegram, steam = told.answer(device=TABLET)["refusals"]
    assert (telegram["host"], telegram["name"], telegram["sign"]) == ("", "Telegram", "address")
    assert telegram["entry"] == "service:telegram"
    assert telegram["sentence"].startswith("Telegram is blocked.")
    assert telegram["sentence"].endswith("The connection was recognised by its address.")
    assert (steam["name"], steam["entry"], steam["askable"]) == ("Steam", "service:steam", True)
    home.store.close()
