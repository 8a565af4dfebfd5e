"""Which hardware address answers where, from what the kernel tells of its neighbours."""

from __future__ import annotations

import pytest

from gateway.lan import neighbours
from gateway.lan.neighbours import MAX_IN_ALL, MAX_OF_ONE, Neighbour, Owners, Place

CHILD, PARENT = "02:00:00:00:00:0a", "02:00:00:00:00:0c"
LAN = 3
V4, V6 = "192.168.77.10", "2001:db8:77::a"


def answers(mac: str, ip: str, *, fixed: bool = False) -> Neighbour:
    return Neighbour(mac, ip, LAN, online=True, fixed=fixed)


def silent(ip: str) -> Neighbour:
    return Neighbour("", ip, LAN, online=False, failed=True)


def gone(ip: str) -> Neighbour:
    return Neighbour("", ip, LAN, online=False, gone=True)


@pytest.fixture
def home() -> Owners:
    return Owners()


def test_the_last_one_to_answer_has_it(home: Owners) -> None:
    home.neighbour(answers(CHILD, V4))
    assert home.moved() == {(V4, LAN)}
    home.neighbour(answers(CHILD, V4))
    assert home.moved() == set(), "nothing changed"
    home.neighbour(answers(PARENT, V4))
    assert home.moved() == {(V4, LAN)}
    assert dict(home) == {(V4, LAN): PARENT}


def test_who_falls_silent_keeps_it_and_who_is_taken_out_does_not(home: Owners) -> None:
    home.neighbour(answers(CHILD, V4))
    home.moved()
    home.neighbour(silent(V4))
    assert home.mac_of((V4, LAN)) == CHILD
    assert home.moved() == set()
    home.neighbour(gone(V4))
    assert home.mac_of((V4, LAN)) is None
    assert home.moved() == {(V4, LAN)}
    home.neighbour(gone(V4))
    assert home.moved() == set()


def test_the_same_address_on_two_networks(home: Owners) -> None:
    home.neighbour(answers(CHILD, "fe80::1"))
    home.neighbour(Neighbour(PARENT, "fe80::1", LAN + 1, online=True))
    assert dict(home) == {("fe80::1", LAN): CHILD, ("fe80::1", LAN + 1): PARENT}


def test_a_list_is_all_there_is(home: Owners) -> None:
    home.listed([answers(CHILD, V4), answers(PARENT, V6)])
    home.moved()
    home.listed([answers(PARENT, V4)])
    assert dict(home) == {(V4, LAN): PARENT}
    assert home.moved() == {(V4, LAN), (V6, LAN)}


def test_a_device_that_invents_addresses_loses_its_oldest(home: Owners) -> None:
    home.neighbour(answers(PARENT, V4))
    home.neighbour(answers(CHILD, V6, fixed=True))
    many = [f"2001:db8:77::{number:x}" for number in range(0x1000, 0x1000 + MAX_OF_ONE + 9)]
    for ip in many:
        home.neighbour(answers(CHILD, ip))
    of_child = [place for place, mac in home if mac == CHILD]
    assert len(of_child) == MAX_OF_ONE
    assert home.mac_of((V4, LAN)) == PARENT
    assert home.mac_of((V6, LAN)) == CHILD, "what was entered by hand stays"
    surplus = home.surplus()
    assert surplus == [(ip, LAN) for ip in many[:10]]
    assert home.surplus() == []
    assert set(surplus) <= home.moved(), "the table has to lose it, too"


def test_devices_that_are_invented_take_no_more_than_there_is(
    home: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "MAX_IN_ALL", 20)
    assert MAX_IN_ALL > 1024
    told: list[Place] = []
    for number in range(50):
        home.neighbour(answers(f"06:00:00:00:00:{number:02x}", f"192.168.77.{number}"))
        told += home.surplus()
    assert len(list(home)) == 20
    assert told == [(f"192.168.77.{number}", LAN) for number in range(30)]
