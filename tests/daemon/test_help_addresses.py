"""Which names of help the gateway resolves for whom: a carrier's when a phone asks, and never too many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.daemon.addresses import MAX_CARRIERS, HelpAddresses
from gateway.loop import Loop
from gateway.path.addresses import AddressBook

CALLS, OTHER = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))


def carrier(number: int) -> str:
    return f"epdg.epc.mnc{number:03}.mcc401.pub.3gppnetwork.org"


@pytest.fixture
def known() -> Iterator[HelpAddresses]:
    loop = Loop()
    addresses = HelpAddresses(loop, AddressBook(), (), lambda: None)
    yield addresses
    addresses.close()
    loop.close()


def test_a_carriers_address_takes_calls_once_a_phone_asked(known: HelpAddresses) -> None:
    known._found("help.example", [OTHER])
    known.asked(carrier(1))
    assert not known.takes_calls(CALLS)
    known._found(carrier(1), [CALLS])
    assert known.takes_calls(CALLS)
    assert not known.takes_calls(OTHER), "a help line's address carries no tunnel"
    assert CALLS in known.addresses


@pytest.mark.parametrize(
    "name",
    [
        "pub.3gppnetwork.org",
        "tunnel.pub.3gppnetwork.org",
        "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org.example",
    ],
)
def test_other_names_take_no_calls(known: HelpAddresses, name: str) -> None:
    known.asked(name)
    known._found(name, [CALLS])
    assert not known.takes_calls(CALLS)


def test_a_child_that_asks_for_many_carriers_keeps_the_last_ones(known: HelpAddresses) -> None:
    for number in range(MAX_CARRIERS + 1):
        known.asked(carrier(number))
        known._found(carrier(number), [bytes((192, 0, 2, number))])
    assert not known.takes_calls(bytes((192, 0, 2, 0)))
    assert bytes((192, 0, 2, 0)) not in known.addresses
    assert known.takes_calls(bytes((192, 0, 2, MAX_CARRIERS)))
    known._found(carrier(0), [bytes((192, 0, 2, 0))])
    assert not known.takes_calls(bytes((192, 0, 2, 0))), "it gave way before its answer came"
