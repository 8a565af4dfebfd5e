"""What the gateway asks by itself: real sockets on loopback, a resolver, and somebody who forges answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import dns.flags
import dns.message
import dns.rrset
import pytest

from gateway.core.loop import Loop
from gateway.dataplane import lookups
from gateway.dataplane.lookups import MAX_OPEN, Lookups
from tests.pace import longest

NAME = "help.example.org"
RIGHT, WRONG = "192.0.2.1", "192.0.2.66"
Peer = tuple[str, int]


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
        self.resolver.bind((host, 0))
        self.resolver.settimeout(10.0)
        self.port: int = self.resolver.getsockname()[1]
        self.loop = Loop()
        self.found: list[tuple[str, list[bytes]]] = []
        self.lookups = Lookups(
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


@pytest.fixture(params=["127.0.0.1", "::1"])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(request.param)
    monkeypatch.setattr(lookups, "PORT", made.port)
    yield made
    made.close()


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
    bench.lookups.want(["another.example.org"])
    both = {NAME, "another.example.org"}
    assert set(_names_of(bench, longest(2.0), enough=lambda asked: set(asked) == both)) == both


def test_a_silent_name_does_not_let_the_others_grow_old(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "RETRY", 0.05)
    monkeypatch.setattr(lookups, "REFRESH", 0.2)
    monkeypatch.setattr(lookups, "PATIENCE", 0.02)
    silent = "silent.example.org"
    bench.lookups.want([NAME, silent])

    def both_again(asked: list[str]) -> bool:
        return 1 < asked.count(NAME) < asked.count(silent)

    assert both_again(_names_of(bench, longest(2.0), silent=silent, enough=both_again))


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


def test_where_nobody_listens_nothing_is_kept(bench: Bench) -> None:
    bench.resolver.close()
    bench.lookups.ask(NAME)
    bench.turn(20)
    assert bench.found == []
    assert bench.lookups._servers[0].open == {}
