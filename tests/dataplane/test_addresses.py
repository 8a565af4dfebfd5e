"""Addresses of help and of carriers' gateways: what the gateway's own resolver says of them, nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from gateway.core.bus import Bus
from gateway.core.loop import Loop
from gateway.dataplane import lookups
from gateway.dataplane.lookups import MAX_HELP, MAX_OF_ONE, MAX_SAFE, HelpAddresses
from gateway.path.addresses import AddressBook
from gateway.policy.names.hosts import HostMap
from tests.policy.homes import product

A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
EPDG = "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"
EMERGENCY = "sos.epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"
HELP = "www.childline.org.uk"


class Asked:
    """Stands for Lookups."""

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
    monkeypatch.setattr(lookups, "Lookups", Asked)
    loop, known = Loop(), product()
    made = HelpAddresses(loop, AddressBook(), (), Bus(), help_names=known.help, calling_names=known.calling)
    yield made
    made.close()
    loop.close()


def asked(book: HelpAddresses) -> list[str]:
    lookups = book._lookups
    assert isinstance(lookups, Asked)
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


def test_only_wifi_calling_is_for_tunnels() -> None:
    assert EPDG in product().calling
    assert HELP not in product().calling
    assert isinstance(product().calling, HostMap)
