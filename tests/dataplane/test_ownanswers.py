"""The gateway asks for a device: what it calls at an address that nobody gave it, and its tunnels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core.loop import Loop
from gateway.dataplane import lookups
from gateway.dataplane.lookups import AGAIN, BURST, OwnAnswers
from gateway.household.members import Family
from gateway.household.rule_book import RuleBook
from gateway.path.addresses import AddressBook, ServiceBook
from gateway.path.name_addresses import NAME_LIFETIME, NameBook
from gateway.policy.judge.world import NoTable
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.store.store import Store
from tests.household.household_files import DAUGHTER, write

NOON = datetime(2026, 11, 24, 9, tzinfo=UTC)
TABLET = "02:00:00:00:00:0a"
A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
SITE = "www.wikipedia.org"


class Asked:
    """Stands for Lookups."""

    def __init__(self, loop: Loop, servers: object, found: Callable[[str, list[bytes]], None]) -> None:
        self.found = found
        self.once: list[str] = []
        self.wanted: set[str] = set()

    def ask(self, name: str) -> None:
        self.once.append(name)

    def want(self, names: Iterable[str]) -> None:
        self.wanted.update(names)

    def close(self) -> None:
        return


class Listed(NoTable):
    def __init__(self, text: str) -> None:
        self._text = text

    def entry(self, text: str) -> frozenset[str]:
        return frozenset({"proxy_vpn_doh"}) if text == self._text else frozenset()


class Home:
    def __init__(self, folder: Path, **daughter: object) -> None:
        profile = {**DAUGHTER, "band": "6-9", "bedtime": {}, "limits": {}, **daughter}
        rules = RuleBook(write(folder, {"daughter": profile}))
        self.store = Store(folder / "qalqan.db")
        self.loop = Loop()
        self.now = 1000.0
        self.cured = False
        self.names, book = NameBook(), AddressBook()
        services, clock = ServiceBook(lambda _: (), self.clock), self.clock
        self.family = Family(self.store, book, services, clock, lambda *_: 1, names=self.names)
        self.family.rebuild(rules.household, rules.world, rules.calendar, NOON)
        self.family.situate(NOON)
        self.own = OwnAnswers(self.loop, (), book, self.names)
        self.own._now = self.clock
        self.own.keep(self.family.members)
        lookups = self.own._lookups
        assert isinstance(lookups, Asked)
        self.lookups = lookups
        member = self.family.member_of(TABLET)
        assert member is not None
        self.member = member

    def clock(self) -> float:
        return self.now

    def call(self, host: str = SITE, address: bytes = A) -> Decision:
        """As the packet path does with a hello."""
        seen = Observation(Proto.TLS, host, address, 443)
        subject = self.family.subjects[self.member.slot]
        decision = subject.decide(seen, NOON)
        self.cured = self.own.cures(subject, seen, decision, NOON)
        return decision

    def close(self) -> None:
        self.store.close()
        self.loop.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(lookups, "Lookups", Asked)
    made = Home(tmp_path)
    yield made
    made.close()


def test_after_a_refusal_the_next_try_passes(home: Home) -> None:
    assert home.call().reason is Reason.UNRESOLVED
    assert home.lookups.once == [SITE]
    home.lookups.found(SITE, [A])
    assert home.call().verdict is Verdict.ALLOW
    assert home.call(address=B).reason is Reason.UNRESOLVED
    assert home.call(host="ru.wikipedia.org").reason is Reason.UNRESOLVED


def test_an_answer_that_nobody_waits_for_teaches_nothing(home: Home) -> None:
    home.lookups.found(SITE, [A])
    assert home.call().reason is Reason.UNRESOLVED
    home.now += AGAIN + 1
    home.lookups.found(SITE, [A])
    assert home.call().reason is Reason.UNRESOLVED


def test_one_name_is_asked_for_again_after_a_while(home: Home) -> None:
    for _ in range(10):
        home.call()
    assert home.lookups.once == [SITE]
    home.now += AGAIN
    home.call()
    assert home.lookups.once == [SITE, SITE]


def test_only_the_first_refusal_of_a_name_is_nobody_s_business(home: Home) -> None:
    """It may be the device's old answer. Whoever calls that address again is told of."""
    home.call()
    assert home.cured
    for _ in range(3):
        home.now += AGAIN
        home.lookups.found(SITE, [B])
        home.call()
        assert not home.cured
    home.call(address=B)
    assert not home.cured


def test_no_device_makes_the_gateway_ask_without_end(home: Home) -> None:
    for number in range(300):
        home.call(host=f"n{number}.wikipedia.org")
    assert len(home.lookups.once) == BURST
    home.now += 10.0
    for number in range(300, 600):
        home.call(host=f"n{number}.wikipedia.org")
    assert len(home.lookups.once) == BURST + 10.0 * lookups.RATE


def test_what_is_refused_anyway_is_not_asked_for(home: Home) -> None:
    assert home.call(host="www.tiktok.com").reason is not Reason.UNRESOLVED
    assert home.call(host="nobody-knows.example").reason is Reason.UNKNOWN_DOMAIN
    assert home.lookups.once == []


def test_bands_that_are_not_strict_ask_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "Lookups", Asked)
    home = Home(tmp_path, band="13-15")
    assert home.call().verdict is Verdict.ALLOW
    assert home.lookups.once == []
    home.close()


def test_a_probe_at_night_to_an_address_of_before_opens_at_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "Lookups", Asked)
    home = Home(tmp_path, band="10-12", bedtime={"school": "13:00-15:00"})
    assert home.call("captive.apple.com").reason is Reason.UNRESOLVED
    assert home.cured
    home.lookups.found("captive.apple.com", [A])
    assert home.call("captive.apple.com").reason is Reason.DEVICE_NEEDS
    assert home.call("captive.apple.com", B).reason is Reason.UNRESOLVED
    assert home.call().reason is Reason.BEDTIME
    home.close()


def test_a_site_on_a_listed_address_opens_at_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "Lookups", Asked)
    home = Home(tmp_path, band="10-12")
    listed = bytes([198, 51, 100, 77])
    monkeypatch.setattr(
        home.member.judge._bypass,
        "_world",
        replace(home.member.judge._bypass._world, table=Listed("198.51.100.77")),
    )
    assert home.call(SITE, listed).reason is Reason.ENCRYPTED_DNS
    home.lookups.found(SITE, [listed])
    assert home.call(SITE, listed).verdict is Verdict.ALLOW
    assert home.call("other.example", listed).reason is Reason.ENCRYPTED_DNS
    home.close()


def test_tunnels_that_stay_open_are_known_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "Lookups", Asked)
    home = Home(tmp_path, band="10-12", allow=["vpn.school.kz"])
    tunnel = Observation(Proto.WIREGUARD, None, A, 51820)
    assert home.member.decide(tunnel, NOON).reason is Reason.VPN
    assert home.lookups.wanted == {"vpn.school.kz"}
    home.lookups.found("vpn.school.kz", [A])
    assert home.member.decide(tunnel, NOON).reason is Reason.FAMILY_ALLOW
    home.now += 2 * 86400.0
    assert home.member.decide(tunnel, NOON).reason is Reason.VPN
    assert home.member.decide_running(tunnel, NOON).reason is Reason.FAMILY_ALLOW
    home.close()


def test_a_running_flow_outlives_the_answer_it_began_by(home: Home) -> None:
    home.call()
    home.lookups.found(SITE, [A])
    seen = Observation(Proto.TLS, SITE, A, 443)
    home.now += NAME_LIFETIME + 1
    assert home.member.decide(seen, NOON).reason is Reason.UNRESOLVED
    assert home.member.decide_running(seen, NOON).verdict is Verdict.ALLOW
    home.store.pause("daughter", until=None, by="Mum", at=NOON)
    home.family.situate(NOON)
    assert home.member.decide_running(seen, NOON).reason is Reason.PAUSED


def test_a_slot_is_taught_anew_and_what_was_asked_for_it_forgotten(tmp_path: Path, home: Home) -> None:
    made = Home(tmp_path, allow=["vpn.school.example"], ways={"vpn": "block"})
    assert made.lookups.wanted == {"vpn.school.example"}
    made.own.teach(made.member.slot)
    made.own.teach(99)
    assert made.lookups.once == ["vpn.school.example"]
    made.call()
    made.call()
    assert made.lookups.once[1:] == [SITE]
    made.own.forget(made.member.slot)
    made.call()
    assert made.cured, "as if it were the first time"
    assert made.lookups.once[1:] == [SITE, SITE]
    made.close()
