"""Tests of the gateway's own lookups: real sockets on loopback, a resolver, and forged answers."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dns.flags
import dns.message
import dns.rrset
import pytest

from gateway.core import loop
from gateway.core.bus import Bus
from gateway.core.loop import Loop
from gateway.dataplane import lookups
from gateway.dataplane.lookups import (
    AGAIN,
    BURST,
    MAX_HELP,
    MAX_OF_ONE,
    MAX_OPEN,
    MAX_SAFE,
    HelpAddresses,
    OwnAnswers,
    PeriodicLookups,
    SafeSearchCache,
    resolvers,
)
from gateway.household.members import Family
from gateway.household.rule_book import RuleBook
from gateway.path.addresses import NAME_LIFETIME, AddressBook, NameBook, ServiceBook
from gateway.policy.judge.world import NoTable
from gateway.policy.names.hosts import HostMap
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.store.store import Store
from tests.household.household_files import DAUGHTER, write
from tests.lab.descriptors import scarce_descriptors
from tests.pace import longest, until
from tests.policy.homes import product

NAME = "help.example.org"
RIGHT, WRONG = "192.0.2.1", "192.0.2.66"
Peer = tuple[str, int]
A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
EPDG = "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"
EMERGENCY = "sos.epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"
HELP = "www.childline.org.uk"
NOON = datetime(2026, 11, 24, 9, tzinfo=UTC)
TABLET = "02:00:00:00:00:0a"
SITE = "www.wikipedia.org"


def answer(query: bytes, address: str = RIGHT, ident: int | None = None) -> bytes:
    asked = dns.message.from_wire(query)
    made = dns.message.make_response(asked)
    made.id = asked.id if ident is None else ident
    made.question[0].name = asked.question[0].name
    if asked.question[0].rdtype == 1:
        made.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", address))
    return made.to_wire()


def retyped(query: bytes) -> bytes:
    """An answer to a question for the same name and of the other type."""
    data, at = answer(query, WRONG), 12 + len(NAME) + 2
    other = b"\0\x1c" if data[at : at + 2] == b"\0\1" else b"\0\1"
    return data[:at] + other + data[at + 2 :]


def lowered(message: bytes) -> bytes:
    return message[:12] + message[12:].lower()


class Bench:
    def __init__(self, host: str) -> None:
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.resolver = socket.socket(self.family, socket.SOCK_DGRAM)
        self.resolver.bind((host.partition("%")[0], 0))
        self.resolver.settimeout(10.0)
        self.port: int = self.resolver.getsockname()[1]
        self.loop = Loop()
        self.found: list[tuple[str, list[bytes]]] = []
        self.lookups = PeriodicLookups(
            self.loop, [host], lambda name, addresses: self.found.append((name, addresses))
        )

    def questions(self, count: int = 2) -> list[tuple[bytes, Peer]]:
        """The next ones that came, A before AAAA."""
        return [self.resolver.recvfrom(4096) for _ in range(count)]

    def turn(self, times: int = 8) -> None:
        for _ in range(times):
            self.loop.run_once(0.01)

    def addresses(self) -> set[str]:
        return {socket.inet_ntoa(one) for _, all_of in self.found for one in all_of}

    def close(self) -> None:
        self.lookups.close()
        self.resolver.close()


@pytest.fixture(params=["127.0.0.1", "::1", "::1%lo"])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(request.param)
    monkeypatch.setattr(lookups, "PORT", made.port)
    yield made
    made.close()


def test_resolvers_keep_their_interface(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver fe80::1%lo\nnameserver fe80::1%7\nnameserver 192.0.2.53\n")
    assert resolvers(file) == ("fe80::1%lo", "fe80::1%7", "192.0.2.53")


def test_a_resolver_is_the_gateway_s_own_whatever_its_interface() -> None:
    loop = Loop()
    safe = SafeSearchCache(loop, AddressBook(), ["2001:db8::53%lo"])
    assert safe.trusts(socket.inet_pton(socket.AF_INET6, "2001:db8::53"))
    assert not safe.trusts(socket.inet_pton(socket.AF_INET6, "2001:db8::54"))
    safe.close()
    loop.close()


def test_an_answer_is_found(bench: Bench) -> None:
    bench.lookups.want([NAME])
    for query, peer in bench.questions():
        bench.resolver.sendto(answer(query), peer)
    bench.turn()
    assert bench.addresses() == {RIGHT}
    assert [name for name, _ in bench.found] == [NAME, NAME]


def _names_of(
    bench: Bench,
    seconds: float,
    *,
    silent: str = "",
    enough: Callable[[list[str]], bool] = lambda asked: False,
) -> list[str]:
    """What is asked within that time, or until it is ``enough``; all but ``silent`` is answered."""
    asked: list[str] = []
    bench.resolver.setblocking(False)
    until = time.monotonic() + seconds
    while time.monotonic() < until and not enough(asked):
        bench.turn(1)
        with suppress(BlockingIOError):
            query, peer = bench.resolver.recvfrom(4096)
            question = dns.message.from_wire(query).question[0]
            name = question.name.to_text(omit_final_dot=True).lower()
            asked += [name] if question.rdtype == 1 else []
            if name != silent:
                bench.resolver.sendto(answer(query), peer)
    return asked


def test_what_was_answered_is_asked_again_after_a_while_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "RETRY", 0.05)
    bench.lookups.want([NAME])
    assert _names_of(bench, 0.5) == [NAME]
    monkeypatch.setattr(lookups, "REFRESH", 0.2)
    bench.lookups.want([NAME, "another.example.org"])
    both = {NAME, "another.example.org"}
    assert set(_names_of(bench, longest(2.0), enough=lambda asked: set(asked) == both)) == both


def test_names_of_an_earlier_call_are_neither_resolved_nor_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "MAX_NAMES", 1)
    monkeypatch.setattr(lookups, "RETRY", 0.05)
    monkeypatch.setattr(lookups, "REFRESH", 0.1)
    bench.lookups.want([NAME])
    assert _names_of(bench, longest(2.0), enough=bool) == [NAME]
    other = "another.example.org"
    bench.lookups.want([other, "third.example.org"])
    assert _names_of(bench, longest(2.0), enough=lambda asked: len(asked) == 3) == [other] * 3


def _found_after_a_turn(bench: Bench) -> int:
    bench.turn(1)
    return len(bench.found)


def test_a_silent_name_does_not_let_the_others_grow_old(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real sockets, but a clock that the test moves: no answer is ever too late."""
    clock = 1000.0
    monkeypatch.setattr(loop, "clock_gettime", lambda _: clock)
    silent = "silent.example.org"
    bench.lookups.want([NAME, silent])
    asked: dict[str, list[float]] = {NAME: [], silent: []}

    def serve() -> None:
        """Both questions for a name, and those for the other one if both names are due."""
        pairs = [bench.questions()]
        name = dns.message.from_wire(pairs[0][0][0]).question[0].name.to_text(omit_final_dot=True).lower()
        if name == NAME:
            before = len(bench.found)
            for query, peer in pairs[0]:
                bench.resolver.sendto(answer(query), peer)
            assert until(lambda: _found_after_a_turn(bench) == before + 2, 5.0) is not None
            bench.questions()
            asked[NAME].append(clock)
        asked[silent].append(clock)

    serve()
    for step in range(1, 250):
        for seconds in (lookups.PATIENCE, lookups.RETRY):
            clock = 1000.0 + (step - 1) * lookups.RETRY + seconds
            bench.loop.run_once(0)
        serve()
    assert asked[silent] == [1000.0 + step * lookups.RETRY for step in range(250)]
    assert asked[NAME] == [1000.0 + turn * (lookups.REFRESH + lookups.RETRY) for turn in range(3)]


def test_no_two_questions_are_alike(bench: Bench) -> None:
    for _ in range(8):
        bench.lookups.ask(NAME)
        for query, peer in bench.questions():
            bench.resolver.sendto(answer(query), peer)
        bench.turn()
    bench.lookups.ask(NAME)
    bench.lookups.ask("another.example.org")
    found = bench.questions(4)
    assert len({peer[1] for _, peer in found}) == 4
    assert len({query[:2] for query, _ in found}) > 1
    raws = {query[12:30] for query, _ in found}
    assert len(raws) > 2
    assert any(raw != raw.lower() for raw in raws)


@pytest.mark.parametrize(
    "forge",
    [
        lambda query: answer(query, WRONG, ident=int.from_bytes(query[:2], "big") ^ 1),
        lambda query: answer(query, WRONG).replace(query[12:29], query[12:29].swapcase()),
        retyped,
        lambda query: query,
        lambda query: b"\0" * 40,
    ],
    ids=["number", "case", "type", "no answer", "noise"],
)
def test_what_only_looks_like_an_answer_teaches_nothing(
    bench: Bench, forge: Callable[[bytes], bytes]
) -> None:
    """Even from the resolver's own address and port, which a device can write on its packets."""
    bench.lookups.ask("first.example.org")
    for query, peer in bench.questions():
        bench.resolver.sendto(answer(query, "192.0.2.2"), peer)
    bench.turn()
    bench.lookups.ask(NAME)
    queries = bench.questions()
    for query, peer in queries:
        bench.resolver.sendto(forge(query), peer)
    bench.turn()
    assert bench.addresses() == {"192.0.2.2"}
    for query, peer in queries:  # it waits for the real one
        bench.resolver.sendto(answer(query), peer)
    bench.turn()
    assert bench.addresses() == {"192.0.2.2", RIGHT}


def test_nobody_but_the_resolver_is_heard(bench: Bench) -> None:
    """Not even another of its addresses or ports, with all that was asked before its eyes."""
    bench.lookups.ask(NAME)
    with socket.socket(bench.family, socket.SOCK_DGRAM) as other:
        for query, peer in bench.questions():
            with suppress(OSError):
                other.sendto(answer(query, WRONG), peer)
    bench.turn()
    assert bench.found == []


def test_an_answer_counts_once(bench: Bench) -> None:
    bench.lookups.ask(NAME)
    (query, peer), _ = bench.questions()
    bench.resolver.sendto(answer(query), peer)
    bench.turn()
    for _ in range(3):
        with suppress(OSError):
            bench.resolver.sendto(answer(query, WRONG), peer)
        bench.turn(2)
    assert bench.addresses() == {RIGHT}


def test_a_late_answer_is_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "PATIENCE", 0.02)
    bench.lookups.ask(NAME)
    queries = bench.questions()
    bench.turn(12)
    for query, peer in queries:
        with suppress(OSError):
            bench.resolver.sendto(answer(query), peer)
    bench.turn()
    assert bench.found == []
    bench.lookups.ask(NAME)
    assert len(bench.questions()) == 2


def test_a_resolver_that_makes_letters_small_is_believed_until_it_repeats_them(bench: Bench) -> None:
    bench.lookups.ask(NAME)
    for query, peer in bench.questions():
        bench.resolver.sendto(lowered(answer(query)), peer)
    bench.turn()
    assert bench.addresses() == {RIGHT}


def test_many_names_take_turns(bench: Bench) -> None:
    names = [f"n{number}.example.org" for number in range(100)]
    bench.lookups.want(names)
    answered = 0
    while answered < 200:
        assert len(bench.lookups._servers[0].open) <= MAX_OPEN
        query, peer = bench.resolver.recvfrom(4096)
        bench.resolver.sendto(answer(query), peer)
        answered += 1
        bench.turn(1)
    bench.turn()
    assert {name for name, _ in bench.found} == set(names)


def test_without_a_free_descriptor_the_questions_go_out_one_by_one(bench: Bench) -> None:
    bench.lookups.ask(NAME)
    for query, peer in bench.questions():
        bench.resolver.sendto(answer(query, WRONG), peer)
    bench.turn()
    bench.found.clear()
    # The second one takes the descriptor that the first one's reading of its own process had.
    with scarce_descriptors(os.getpid()), socket.socket():
        for name in (NAME, SITE):
            bench.lookups.ask(name)
        for _ in range(4):
            ((query, peer),) = bench.questions(1)
            bench.resolver.sendto(answer(query), peer)
            bench.turn()
    assert [name for name, _ in bench.found] == [NAME, NAME, SITE, SITE]
    assert bench.addresses() == {RIGHT}


def test_where_nobody_listens_nothing_is_kept(bench: Bench) -> None:
    bench.resolver.close()
    bench.lookups.ask(NAME)
    bench.turn(20)
    assert bench.found == []
    assert bench.lookups._servers[0].open == {}


class AskedHelp:
    """Stands for PeriodicLookups."""

    def __init__(self, loop: Loop, servers: object, found: Callable[[str, list[bytes]], None]) -> None:
        self.found = found
        self.once: list[str] = []

    def ask(self, name: str) -> None:
        self.once.append(name)

    def want(self, names: Iterable[str]) -> None:
        return

    def close(self) -> None:
        return


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Iterator[HelpAddresses]:
    monkeypatch.setattr(lookups, "PeriodicLookups", AskedHelp)
    loop, known = Loop(), product()
    made = HelpAddresses(loop, AddressBook(), (), Bus(), help_names=known.help, calling_names=known.calling)
    yield made
    made.close()
    loop.close()


def asked(book: HelpAddresses) -> list[str]:
    lookups = book._lookups
    assert isinstance(lookups, AskedHelp)
    return lookups.once


@pytest.mark.parametrize("name", [EPDG, EMERGENCY])
def test_a_carriers_gateway_is_where_the_homes_own_resolver_says(book: HelpAddresses, name: str) -> None:
    assert not book.calls(A)
    book.heard(name, [A], True)
    assert book.calls(A)
    assert not book.calls(B)
    assert book.addresses == {A}  # in the kernel's set, for when no daemon runs
    assert book.by_name == {name: {A}}


def test_what_another_resolver_says_is_asked_for(book: HelpAddresses) -> None:
    """A device may have a resolver of its own, with its own tunnel's end under a carrier's name."""
    book.heard(EPDG, [B], False)
    assert not book.calls(B)
    assert asked(book) == [EPDG]
    book._found(EPDG, [A])
    assert book.calls(A)
    assert not book.calls(B)
    book.heard(EPDG, [A], False)
    assert asked(book) == [EPDG], "what our own has said is not asked for again"
    book.heard(EPDG, [A, B], False)
    assert asked(book) == [EPDG, EPDG]


def test_names_below_those_of_help_have_addresses_of_their_own(book: HelpAddresses) -> None:
    book.heard(HELP, [A], True)
    assert book.knows(HELP, A)
    assert not book.calls(A), "no tunnel leads to a help line"


def test_nothing_else_is_kept(book: HelpAddresses) -> None:
    book.heard("www.example.org", [A], True)
    book.heard("epdg.epc.mnc001.mcc401.pub.3gppnetwork.org.evil.example", [A], True)
    book.heard(EPDG, [], True)
    assert book.by_name == {}
    assert asked(book) == []


def test_it_is_bounded(book: HelpAddresses) -> None:
    for number in range(MAX_HELP + 50):
        book.heard(f"n{number}.pub.3gppnetwork.org", [A], True)
    assert len(book.by_name) == MAX_HELP
    for one in range(200):
        book.heard("n1.pub.3gppnetwork.org", [bytes([10, 0, one, two]) for two in range(100)], True)
        assert book.calls(bytes([10, 0, one, 0]))
    assert len(book.by_name["n1.pub.3gppnetwork.org"]) <= MAX_OF_ONE + MAX_SAFE
    assert len(book.addresses) <= MAX_OF_ONE + MAX_SAFE + 1


def test_an_address_that_expired_is_forgotten(book: HelpAddresses, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table allows all of them while no daemon runs; one may belong to another site since."""
    began = book._loop.now()
    book.heard(EPDG, [A], True)
    monkeypatch.setattr(Loop, "now", lambda _: began + lookups.KEPT - 1)
    book.heard(EPDG, [B], True)
    assert book.addresses == {A, B}
    monkeypatch.setattr(Loop, "now", lambda _: began + lookups.KEPT + 1)
    book.heard(EPDG, [B], True)
    assert book.addresses == {B}
    assert book.by_name == {EPDG: {B}}


def test_a_name_without_a_valid_address_is_removed_and_makes_room(
    book: HelpAddresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subdomain is queried once by a device, and not again."""
    began = book._loop.now()
    for number in range(MAX_HELP):
        book.heard(f"n{number}.pub.3gppnetwork.org", [A], True)
    book._found(EPDG, [B])
    assert EPDG not in book.by_name
    monkeypatch.setattr(Loop, "now", lambda _: began + lookups.KEPT + 1)
    book._found(HELP, [B])
    assert book.by_name == {HELP: {B}}
    assert book.addresses == {B}
    book.heard(EPDG, [A], True)
    assert book.calls(A)


def test_a_name_that_does_not_exist_takes_no_room(book: HelpAddresses) -> None:
    book._found("n1.pub.3gppnetwork.org", [])
    assert book.by_name == {}
    book._found(EPDG, [A])
    book._found(EPDG, [])  # no AAAA record
    assert book.by_name == {EPDG: {A}}


def test_a_name_that_is_no_help_line_any_more_has_no_addresses(book: HelpAddresses) -> None:
    book.heard(EPDG, [A], True)
    book.heard(HELP, [B], True)
    book.rename(HostMap({HELP: "help"}), HostMap({}))
    assert book.addresses == {B}
    assert not book.calls(A)


def test_only_wifi_calling_is_for_tunnels() -> None:
    assert EPDG in product().calling
    assert HELP not in product().calling
    assert isinstance(product().calling, HostMap)


class Asked:
    """Stands for PeriodicLookups."""

    def __init__(self, loop: Loop, servers: object, found: Callable[[str, list[bytes]], None]) -> None:
        self.found = found
        self.once: list[str] = []
        self.wanted: set[str] = set()

    def ask(self, name: str) -> None:
        self.once.append(name)

    def want(self, names: Iterable[str]) -> None:
        self.wanted = set(names)

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
    monkeypatch.setattr(lookups, "PeriodicLookups", Asked)
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
    monkeypatch.setattr(lookups, "PeriodicLookups", Asked)
    home = Home(tmp_path, band="13-15")
    assert home.call().verdict is Verdict.ALLOW
    assert home.lookups.once == []
    home.close()


def test_a_probe_at_night_to_an_address_of_before_opens_at_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "PeriodicLookups", Asked)
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
    monkeypatch.setattr(lookups, "PeriodicLookups", Asked)
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
    monkeypatch.setattr(lookups, "PeriodicLookups", Asked)
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
    home.store.pauses.pause("daughter", until=None, by="Mum", at=NOON)
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
