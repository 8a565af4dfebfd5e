"""The owners of addresses in the table of a real router, as its neighbours come, move and go."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gateway.core.loop import Loop
from gateway.dataplane.address_owners import EVERY, AddressOwners
from gateway.dataplane.kernel_table import KernelTable
from gateway.kernel.conntrack import ConntrackEntry
from gateway.kernel.marks import CUT
from gateway.kernel.snapshot import Examined, Owner, Slot, Snapshot
from gateway.lan.neighbours import MAX_OF_ONE, NeighbourEvents, Owners, read_neighbours
from tests.kernel.home import (
    CHILD4,
    CHILD6,
    CHILD_MAC,
    LAN,
    OTHER4,
    OTHER6,
    OTHER_MAC,
    SITE4,
    SITE6,
    Home,
    Namespace,
)
from tests.pace import longest

pytestmark = pytest.mark.lab

SLOT = 3
BARE = Snapshot(lan=(LAN,), slots=(Slot(SLOT, (CHILD_MAC,), closed=True),), plain=(OTHER_MAC,))
SITES = pytest.mark.parametrize("site", [SITE4, SITE6], ids=["ipv4", "ipv6"])
BORROW = f"""
table netdev borrow {{
  chain out {{
    type filter hook egress device "eth0" priority 0;
    tcp flags & (syn | ack) == syn ether saddr set {OTHER_MAC};
  }}
}}
"""


class Router:
    """What Presence and the daemon do with it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.updates = 0
        self.loop = Loop()
        self.owners = Owners()
        self.events = NeighbourEvents()
        self.table = KernelTable(self.loop, BARE, dict)
        self.table.install(BARE)
        self.examined = Examined()
        self.owned = AddressOwners(
            self.loop, self.owners, self._slot_of, self.table, lambda: (LAN,), lambda: self.examined
        )
        self.loop.on_readable(self.events, self._changed)

    @staticmethod
    def _slot_of(mac: str, interface: str) -> int:
        assert interface == LAN
        return SLOT if mac == CHILD_MAC else 0

    def _changed(self) -> None:
        for one in self.events.read()[0]:
            if one.ifindex == self.home.lan_index:
                self.owners.neighbour(one)
        self.owned.changed()

    def until(self, condition: Callable[[], bool]) -> bool:
        return self.within(condition, longest(2.0))

    def within(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        with self.home.router.inside():
            while not condition() and time.monotonic() < end:
                self.loop.run_once(0.02)
            return condition()

    def connections(self, site: str) -> list[ConntrackEntry]:
        wanted = ipaddress.ip_address(site).packed
        return [one for one in self.table.conntrack.entries() if one.original.dst == wanted]

    @property
    def known(self) -> tuple[Owner, ...]:
        return self.table.snapshot.owners

    def close(self) -> None:
        self.owned.close()
        self.loop.forget(self.events)
        self.events.close()
        self.table.close()
        self.loop.close()


@pytest.fixture
def router(home: Home) -> Iterator[Router]:
    with home.router.inside():
        made = Router(home)
    yield made
    with home.router.inside():
        made.close()


def call(home: Home, device: Namespace, site: str, source: str = "") -> socket.socket:
    """A connection that is open."""
    kind = socket.AF_INET6 if ":" in site else socket.AF_INET
    server = home.internet.open(kind, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((site, 443))
    server.listen()
    client = device.open(kind, socket.SOCK_STREAM)
    if source:
        client.bind((source, 0))
    client.connect((site, 443))
    home.internet.accept(server)
    server.close()
    return client


@SITES
def test_what_began_under_another_mac_begins_anew(router: Router, home: Home, site: str) -> None:
    home.child.run("nft", "-f", "-", text=BORROW)
    layout = BARE.layout
    client = call(home, home.child, site)
    (entry,) = router.connections(site)
    assert entry.mark & layout.ct_ours == layout.plain, "by its first packet"
    cut = layout.ct_mark(SLOT, CUT)
    assert router.until(lambda: router.connections(site)[0].mark & layout.ct_ours == cut)
    assert Owner(LAN, CHILD6 if ":" in site else CHILD4, SLOT) in router.known
    client.send(b"hello")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    call(home, home.child, site)  # the next is its own from the first packet on
    marks = {one.mark & layout.slot for one in router.connections(site)}
    assert marks == {layout.ct_mark(SLOT)}


@SITES
def test_an_unfiltered_device_costs_no_change(router: Router, home: Home, site: str) -> None:
    client = call(home, home.other, site)
    # The kernel may find the child again meanwhile, which was there in the test before.
    assert not router.within(lambda: any(one.address in (OTHER4, OTHER6) for one in router.known), 0.3)
    (entry,) = router.connections(site)
    assert entry.mark & BARE.layout.ct_ours == BARE.layout.plain
    client.close()


def test_an_address_that_a_parents_device_takes_over(router: Router, home: Home) -> None:
    """What it began in the moment before is judged as its own, too."""
    spare = "192.168.77.50"
    home.child.ip(f"address add {spare}/24 dev eth0")
    call(home, home.child, SITE4, spare).close()
    assert router.until(lambda: Owner(LAN, spare, SLOT) in router.known)
    home.child.ip(f"address del {spare}/24 dev eth0")
    home.other.ip(f"address add {spare}/24 dev eth0", "neigh flush dev eth0")
    layout = BARE.layout
    call(home, home.other, SITE4, spare)
    assert router.until(lambda: all(one.address != spare for one in router.known))
    assert router.connections(SITE4)
    assert router.until(lambda: all(one.mark & layout.ct_ours == 0 for one in router.connections(SITE4)))
    call(home, home.other, SITE4, spare)
    assert any(one.mark & layout.ct_ours == layout.plain for one in router.connections(SITE4))


def test_moves_without_end_are_few_changes(
    router: Router, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[Snapshot] = []
    update = router.table.update

    def counted(snapshot: Snapshot) -> None:
        changes.append(snapshot)
        update(snapshot)

    monkeypatch.setattr(router.table, "update", counted)
    now = router.loop.now()
    monkeypatch.setattr("gateway.core.loop.clock_gettime", lambda _: now)
    turns, turns_of_a_change = 64, 8
    moving = [f"192.168.77.{n}" for n in range(100, 140)]
    with home.router.inside():
        for turn in range(turns):
            mac = (CHILD_MAC, OTHER_MAC)[turn % 2]
            home.router.ip(*(f"neigh replace {address} lladdr {mac} dev {LAN}" for address in moving))
            router.loop.run_once(0)
            now += EVERY / turns_of_a_change
        now += EVERY
        router.loop.run_once(0)
    # Others may come meanwhile: the kernel asks for the devices of the test before.
    assert not any(owner.address in moving for owner in router.known)
    assert any(owner.address in moving for snapshot in changes for owner in snapshot.owners)
    assert len(changes) <= turns / turns_of_a_change + 2, "one at first, and one at the end"


def test_more_than_there_is_room_for_is_forgotten_by_the_kernel(router: Router, home: Home) -> None:
    many = [f"fd77::77:{number:x}" for number in range(1, MAX_OF_ONE + 31)]
    with home.router.inside():
        for start in range(0, len(many), 50):
            # As one learns them: not by hand, or they would stay.
            learnt = f"lladdr {CHILD_MAC} nud stale dev {LAN}"
            home.router.ip(*(f"neigh replace {ip} {learnt}" for ip in many[start : start + 50]))
            router.loop.run_once(0)
    assert router.until(lambda: len(router.known) == MAX_OF_ONE)
    with home.router.inside():
        known = [neighbour.ip for neighbour in read_neighbours() if neighbour.mac]
    assert {ip for ip in known if ip.startswith("fd77::77:")} == set(many[30:])


def test_examined_devices_come_and_go(router: Router, home: Home) -> None:
    mac = "02:00:00:00:00:99"
    for examined in (Examined((mac,), SLOT), Examined()):
        router.examined = examined
        router.owned.examined_changed()
        assert router.until(lambda: router.table.snapshot.examined == router.examined)
        listed = home.router.run("nft", "list", "table", "inet", "qalqan")
        assert (f"{mac} : goto examined" in listed) is bool(examined.macs)
        assert ("chain examined" in listed) is bool(examined.macs)


def test_a_snapshot_for_a_restart_has_them_from_the_list(router: Router, home: Home) -> None:
    for device in (home.child, home.other):
        call(home, device, SITE4).close()
    with home.router.inside():
        again = Owners()
        again.listed(one for one in read_neighbours() if one.ifindex == home.lan_index)
        owned = AddressOwners(router.loop, again, router._slot_of, router.table, lambda: (LAN,), Examined)
        found = owned.owners()
        owned.close()
    assert Owner(LAN, CHILD4, SLOT) in found
    assert all(one.address != OTHER4 for one in found)
    replace(BARE, owners=found)
