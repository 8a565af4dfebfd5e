"""Tests of the kernel's neighbour table, in a network namespace of the test, and of address owners."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.lan import neighbours
from gateway.lan.neighbours import MAX_IN_ALL, MAX_OF_ONE, Neighbour, Owners, Place

LIST = """
from gateway.lan.neighbours import read_neighbours
for n in sorted(read_neighbours(), key=lambda n: n.ip):
    print(n.mac or "-", n.ip, n.online, n.failed)
"""
LINKS = """
set -e
ip link add veth0 type veth peer name veth1
ip link set veth0 up
ip link set veth1 up
"""
EVENTS = """
import select, subprocess, sys
from gateway.lan.neighbours import NeighbourEvents
events = NeighbourEvents()
def ip(text):
    subprocess.run(("ip neigh " + text).split(), check=True)
    while select.select([events], [], [], 0.5)[0]:
        for n in events.read()[0]:
            if n.ip.startswith(("192.0.2", "2001:db8")):
                print(n.mac or "-", n.ip, n.online, n.answered, n.failed, n.gone)
for line in sys.argv[1:]:
    ip(line)
"""
ANSWERS = """
import select, time
from gateway.lan.neighbours import NeighbourEvents, ask
events = NeighbourEvents()
def told(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and select.select([events], [], [], left)[0]:
        yield from events.read()[0]
import socket
index = socket.if_nametoindex("veth0")
ask([("192.0.2.7", index), ("2001:db8::7", index), ("192.0.2.9", index)])
ask([])
found = set()
for n in told(9.0):
    if n.answered or n.failed:
        found.add((n.ip, n.answered, n.failed))
    if len(found) == 3:
        break
for one in sorted(found):
    print(*one)
"""
FLOOD = """
import subprocess
from gateway.lan.neighbours import NeighbourEvents, read_neighbours
events = NeighbourEvents()
# Few, many times: all namespaces of a machine share a table of a thousand.
lines = "".join(
    f"neigh replace 10.0.0.{b + 1} lladdr 02:00:00:00:00:{b:02x} dev veth0 nud stale\\n" for b in range(200)
)
for state in ("stale", "reachable") * 8:
    subprocess.run(["ip", "-batch", "-"], input=lines.replace("stale", state), text=True, check=True)
lost = read = 0
while True:
    found, one = events.read()
    lost += one
    read += len(found)
    if not found:
        break
print(lost, 0 < read < 3200, len(read_neighbours()))
"""
DROP = """
import socket, subprocess
from gateway.lan.neighbours import drop, read_neighbours
index = socket.if_nametoindex("veth0")
drop([("192.0.2.7", index), ("2001:db8::7", index), ("192.0.2.99", index)])
for n in sorted(read_neighbours(), key=lambda n: n.ip):
    print(n.mac, n.ip)
"""
FIND = """
import socket
from gateway.lan.neighbours import find_neighbour
index = socket.if_nametoindex("veth0")
for place in (("192.0.2.7", index), ("2001:db8::7", index), ("192.0.2.99", index), ("192.0.2.7", 1)):
    n = find_neighbour(place)
    print(n and n.mac)
"""
CHILD, PARENT = "02:00:00:00:00:0a", "02:00:00:00:00:0c"
LAN = 3
V4, V6 = "192.168.77.10", "2001:db8:77::a"


def run(setting: str, script: str, *arguments: str) -> list[str]:
    words = " ".join(f"'{one}'" for one in arguments)
    command = f"{LINKS}{setting}\nexec '{sys.executable}' -c '{script}' {words}"
    done = subprocess.run(["unshare", "-n", "sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.lab
def test_neighbours_of_both_families() -> None:
    setting = """
ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev veth0 nud reachable
ip neigh add 2001:db8::8 lladdr 02:00:00:00:00:08 dev veth0 nud stale
ip neigh add 192.0.2.9 dev veth0 nud failed
ip neigh add 192.0.2.8 lladdr 03:00:00:00:00:08 dev veth0 nud permanent
"""
    assert run(setting, LIST) == [
        "02:00:00:00:00:07 192.0.2.7 True False",
        "- 192.0.2.9 False True",
        "02:00:00:00:00:08 2001:db8::8 False False",
    ]


@pytest.mark.lab
def test_events_of_both_families() -> None:
    told = run(
        "",
        EVENTS,
        "add 192.0.2.7 lladdr 02:00:00:00:00:07 dev veth0 nud reachable",
        "change 192.0.2.7 lladdr 02:00:00:00:00:08 dev veth0 nud stale",
        "add 2001:db8::7 lladdr 02:00:00:00:00:07 dev veth0 nud stale",
        "change 2001:db8::7 dev veth0 nud failed",
        "del 192.0.2.7 dev veth0",
    )
    assert told[:4] == [
        "02:00:00:00:00:07 192.0.2.7 True True False False",
        "02:00:00:00:00:08 192.0.2.7 False False False False",
        "02:00:00:00:00:07 2001:db8::7 False False False False",
        "- 2001:db8::7 False False True False",
    ]
    assert told[-1] == "- 192.0.2.7 False False False True"


@pytest.mark.lab
def test_what_the_kernel_could_not_tell_is_said_and_listed() -> None:
    assert run("", FLOOD) == ["1 True 200"]


@pytest.mark.lab
def test_the_kernel_asks_and_tells_who_answered() -> None:
    setting = """
unshare -n sleep 15 >/dev/null 2>&1 & far=$!
sleep 0.2
ip link set veth1 netns $far
there() { nsenter -t $far -n "$@"; }
there ip link set veth1 up
there ip addr add 192.0.2.7/24 dev veth1
there ip addr add 2001:db8::7/64 dev veth1 nodad
ip addr add 192.0.2.1/24 dev veth0
ip addr add 2001:db8::1/64 dev veth0 nodad
"""
    assert run(setting, ANSWERS) == ["192.0.2.7 True False", "192.0.2.9 False True", "2001:db8::7 True False"]


@pytest.mark.lab
def test_who_answered_is_forgotten() -> None:
    setting = """
ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:0a dev veth0 nud stale
ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:0b dev veth0 nud stale
ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:0a dev veth0 nud stale
"""
    assert run(setting, DROP) == ["02:00:00:00:00:0b 192.0.2.8"]


@pytest.mark.lab
def test_one_is_found_by_its_address() -> None:
    setting = """
ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:0a dev veth0 nud stale
ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:0b dev veth0 nud reachable
ip neigh add 192.0.2.99 dev veth0 nud failed
"""
    assert run(setting, FIND) == ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "None", "None"]


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


def test_a_list_with_a_silent_device_leaves_its_address(home: Owners) -> None:
    home.listed([answers(CHILD, V4)])
    home.listed([silent(V4)])
    assert dict(home) == {(V4, LAN): CHILD}


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
