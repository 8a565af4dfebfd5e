"""The input from which the nftables table is rendered, as one frozen, validated value."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from gateway.core.errors import KernelError
from gateway.core.interface_names import INTERFACE_NAME
from gateway.kernel.marks import MAX_CLASS, QUEUES, MarkLayout, valid_slot

QUEUE_BASE = 8200
"""The default number of the first netfilter queue: far from 0-15 and from round numbers, which other programs
choose."""

GUARD_DNS_PORT = 8253
"""The boot guard redirects closed devices' queries here: to a resolver that knows only the names of help."""

MAX_LEASE = 90
"""Maximum seconds that a closed profile's class outlives the daemon."""

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_TRANSPORTS = ("tcp", "udp")
_HELP_PORTS = (
    ("tcp", 443),
    ("tcp", 80),
    ("udp", 443),
    ("udp", 500),
    ("udp", 4500),
)  # the last two: Wi-Fi calling


@dataclass(frozen=True, slots=True)
class Slot:
    """The number of a filtered device, or of several that share a profile, with their MAC addresses."""

    number: int  # 1..255 without 64, 128, 192
    macs: tuple[str, ...]  # lower case, with colons; may be empty for the guests' slot
    closed: bool  # failure mode: undecided flows are blocked while the daemon is down
    kept_out: bool = False  # a child's or a guest's: of the gateway itself, only some ports are reachable


class Owner(NamedTuple):
    """An IP address on an interface, and the slot of the filtered device that answers for it.

    The slot applies whatever MAC address a sender writes.
    """

    interface: str
    address: str
    slot: int


class Examined(NamedTuple):
    """Devices without an owner that the gateway has examined (they are no longer new), and their rules.

    ``macs``: their addresses. ``guest`` and ``unassigned`` are their slots, in the form of those in
    Snapshot.
    """

    macs: tuple[str, ...] = ()
    guest: int | None = None
    unassigned: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class PassElement:
    """A class (combination of time rules) that is open for a slot (filtered device): an element of ``@pass``.

    The kernel counts its traffic, and deletes the element when the lease ends; the class is then
    closed.
    """

    slot: int
    class_number: int  # 1..63
    lease: int | None = None  # seconds, 1..90; None: no limit


@dataclass(frozen=True, slots=True)
class Offload:
    """The settings of a flow table that forwards unfiltered devices' flows past all rules.

    It replaces that of OpenWrt's fw4; the kernel must support flow tables.
    """

    devices: tuple[str, ...]  # the devices below the bridge; they must exist
    hardware: bool = False


@dataclass(frozen=True, slots=True)
class Rates:
    """Packets per second of one slot (filtered device) that may reach the queue, as far as they vary.

    They depend on the machine. The defaults are those of the slowest router, which manages about
    100 new connections a second. The burst of 800 packets lets ten busy pages load together.
    ``http`` limits an upload over plain HTTP to 11 Mbit/s.
    """

    tcp: int = 200  # from the device, of undecided TCP: a new TLS connection has one or two
    dns: int = 400  # queries, and as many responses
    http: int = 1000  # from the device, of plain HTTP that stays queued


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the nftables table is rendered from. Equal snapshots render to equal text.

    Raises KernelError with one line for a value that nft would refuse, or for a contradiction.
    """

    lan: tuple[str, ...]  # interfaces that face the LAN
    arm: bool = False  # one of them is also the uplink: packets leave by the interface on which they arrive
    slots: tuple[Slot, ...] = ()
    guest: int | None = None  # slot of unknown MACs; None: unknown devices are not filtered
    unassigned: tuple[tuple[str, int | None], ...] = ()  # interfaces on which it is another slot, or none
    plain: tuple[str, ...] = ()  # MACs that are never filtered: adults' devices and unfiltered ones
    examined: Examined = field(default_factory=Examined)  # unknown MACs that are not new
    owners: tuple[Owner, ...] = ()  # of addresses that filtered devices answer for
    passes: tuple[PassElement, ...] = ()
    help4: tuple[str, ...] = ()  # help addresses, reachable for closed slots while no daemon runs
    help6: tuple[str, ...] = ()
    help_ports: tuple[tuple[str, int], ...] = _HELP_PORTS
    help_dns_port: int | None = None  # a resolver on the gateway that knows only the names of help
    dns_port: int | None = None  # the daemon's listener for DNS over TCP
    dns_for_everyone: bool = False  # unfiltered devices' queries too: a list applies to everyone
    pages: tuple[str, ...] = ()  # addresses of the pages; their port 80 is redirected to page_port
    page_port: int | None = None
    page_tls_port: int | None = None  # the target of their port 443; None: it is refused
    page_labels: tuple[str, ...] = ()  # first labels of the pages' names, which every device may query
    door_ports: tuple[int, ...] | None = ()  # the gateway's ports open to kept_out slots; None: all ports
    protocols: tuple[int, ...] = ()  # IP protocols forwarded for slots besides TCP, UDP, ICMP (50: ESP)
    offload: Offload | None = None
    queue_base: int = QUEUE_BASE
    native: bool = True  # False: the kernel has no nft queue (fallback.py)
    reads_answers: bool = True  # False: before Linux 5.16, nft reads no payload behind a TCP header
    held: bool = False  # between two daemons: open slots' packets wait for the next one, as closed slots' do
    alone: bool = False  # without a daemon: the boot guard's table, with closed slots only and no queue
    rates: Rates = Rates()
    layout: MarkLayout = field(default_factory=MarkLayout)

    def __post_init__(self) -> None:
        _check_interfaces(self.lan, "lan")
        if self.offload is not None:
            _check_interfaces(self.offload.devices, "offload devices")
        _check_slots(self.slots, self.guest)
        _check_slots(self.slots, self.examined.guest)
        _check_unassigned(self, self.unassigned)
        _check_unassigned(self, self.examined.unassigned)
        _check_owners(self)
        filtered = [mac for slot in self.slots for mac in slot.macs]
        _check_macs(filtered, (*self.plain, *self.examined.macs))
        _check_passes(self.passes, {slot.number for slot in self.slots})
        _check_addresses(self.help4, 4)
        _check_addresses(self.help6, 6)
        _check_addresses(self.pages, None)
        _check_ports(self)
        if min(self.rates.tcp, self.rates.dns, self.rates.http) < 1:
            msg = f"a rate is less than one packet per second: {self.rates}"
            raise KernelError(msg)

    @property
    def closed(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if slot.closed)

    @property
    def asked(self) -> tuple[Slot, ...]:
        """The slots (filtered devices) whose packets go to the daemon's queue.

        None if ``alone``: the boot guard's table, which applies while no daemon runs.
        """
        return () if self.alone else self.slots


def boot_guard_snapshot(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot for the boot guard: only devices that fail closed, with nothing open except help.

    They also reach the gateway's pages. It has no queue. Other devices are not filtered. nft loads this
    table before the LAN comes up; it applies until the daemon replaces it. It therefore does not depend on
    the kernel's support of queues and flow tables, or on ports that the daemon chooses at its start.
    """
    closed = {slot.number for slot in snapshot.closed}
    guest = snapshot.guest if snapshot.guest in closed else None
    unassigned = tuple((name, slot if slot in closed else None) for name, slot in snapshot.unassigned)
    others = tuple(mac for slot in snapshot.slots if not slot.closed for mac in slot.macs)
    return replace(
        snapshot,
        slots=snapshot.closed,
        guest=guest,
        unassigned=unassigned,
        plain=(*snapshot.plain, *others),
        examined=Examined(),  # without a daemon, new devices have no other rules
        owners=(),  # address owners are not known yet after a start
        passes=(),
        help_dns_port=GUARD_DNS_PORT,
        dns_port=None,
        dns_for_everyone=False,
        page_labels=(),
        offload=None,
        native=True,
        alone=True,
    )


def _check_interfaces(names: tuple[str, ...], what: str) -> None:
    if not names:
        msg = f"{what}: no interface is named; name at least one, such as br-lan"
        raise KernelError(msg)
    for name in names:
        if not INTERFACE_NAME.fullmatch(name):
            msg = f"{what}: {name!r} is no interface name; use 1-15 letters, digits and . _ - @"
            raise KernelError(msg)
    if len(set(names)) != len(names):
        msg = f"{what}: an interface is named twice in {', '.join(names)}"
        raise KernelError(msg)


def _check_slots(slots: tuple[Slot, ...], guest: int | None) -> None:
    numbers = [slot.number for slot in slots]
    for number in numbers:
        if not valid_slot(number):
            msg = f"slot {number} cannot be used; take one of 1..255 without 64, 128, 192"
            raise KernelError(msg)
    if len(set(numbers)) != len(numbers):
        msg = f"a slot number is used twice in {sorted(numbers)}"
        raise KernelError(msg)
    if guest is not None and guest not in numbers:
        msg = f"the guests' slot {guest} is not among the slots {sorted(numbers)}"
        raise KernelError(msg)


def _check_unassigned(snapshot: Snapshot, slots: tuple[tuple[str, int | None], ...]) -> None:
    names = [name for name, _ in slots]
    for name in names:
        if name not in snapshot.lan or names.count(name) > 1:
            msg = f"unassigned devices: {name} is not in lan, or is there twice"
            raise KernelError(msg)
    numbers = {slot.number for slot in snapshot.slots}
    for name, slot in slots:
        if slot is not None and slot not in numbers:
            msg = f"unassigned devices on {name}: slot {slot} is not among the slots {sorted(numbers)}"
            raise KernelError(msg)


def _check_owners(snapshot: Snapshot) -> None:
    numbers = {slot.number for slot in snapshot.slots}
    for owner in snapshot.owners:
        if owner.interface not in snapshot.lan or owner.slot not in numbers:
            msg = (
                f"owner of {owner.address}: {owner.interface} is not in lan, or slot {owner.slot} is no slot"
            )
            raise KernelError(msg)
    places = [(owner.interface, owner.address) for owner in snapshot.owners]
    if len(set(places)) != len(places):
        msg = "owners: an address has two owners on one interface"
        raise KernelError(msg)
    _check_addresses((owner.address for owner in snapshot.owners), None)


def _check_macs(filtered: list[str], plain: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for mac in (*filtered, *plain):
        if not _MAC.fullmatch(mac):
            msg = f"{mac!r} is no MAC address; write it like 02:00:00:00:00:0a, lower case"
            raise KernelError(msg)
        if mac in seen:
            msg = f"device {mac} is named twice; a device belongs to one slot"
            raise KernelError(msg)
        seen.add(mac)


def _check_passes(passes: tuple[PassElement, ...], numbers: set[int]) -> None:
    seen: set[tuple[int, int]] = set()
    for element in passes:
        where = f"pass element of slot {element.slot}, class {element.class_number}"
        if element.slot not in numbers:
            msg = f"{where}: there is no such slot"
            raise KernelError(msg)
        if not 1 <= element.class_number <= MAX_CLASS:
            msg = (
                f"{where}: a class is 1..{MAX_CLASS}; a profile with more combinations of limits needs fewer"
            )
            raise KernelError(msg)
        if element.lease is not None and not 1 <= element.lease <= MAX_LEASE:
            msg = f"{where}: a lease of {element.lease} s is not within 1..{MAX_LEASE}"
            raise KernelError(msg)
        if (element.slot, element.class_number) in seen:
            msg = f"{where}: it is there twice"
            raise KernelError(msg)
        seen.add((element.slot, element.class_number))


def _check_addresses(addresses: Iterable[str], version: int | None) -> None:
    for text in addresses:
        found = _version_of(text)
        if version not in (None, found):
            msg = f"{text} is not an IPv{version} address"
            raise KernelError(msg)


@lru_cache(maxsize=1024)
def _version_of(text: str) -> int:
    """Return the IP version of an address, 4 or 6. Raises KernelError if it is none.

    Cached: each change of the table checks the same addresses of help lines.
    """
    try:
        return ipaddress.ip_address(text.replace("%", " ")).version  # refuses an address with a zone
    except ValueError as error:
        msg = f"{text!r} is no IP address; write it without a length or a zone"
        raise KernelError(msg) from error


def _check_ports(snapshot: Snapshot) -> None:
    ports = [snapshot.help_dns_port, snapshot.dns_port, snapshot.page_port, snapshot.page_tls_port]
    ports += snapshot.door_ports or ()
    if any(port is not None and not 1 <= port <= 0xFFFF for port in ports):
        msg = f"a port is not within 1..65535: {ports}"
        raise KernelError(msg)
    for transport, port in snapshot.help_ports:
        if transport not in _TRANSPORTS or not 1 <= port <= 0xFFFF:
            msg = f"help port {transport}/{port}: write tcp or udp and 1..65535"
            raise KernelError(msg)
    if not 0 <= snapshot.queue_base <= 0x10000 - QUEUES:
        msg = f"queue_base {snapshot.queue_base} leaves no room for {QUEUES} queues below 65536"
        raise KernelError(msg)
    if bool(snapshot.pages) != (snapshot.page_port is not None):
        msg = "pages and page_port go together: name both or neither"
        raise KernelError(msg)
    if any(not 0 < number < 0x100 for number in snapshot.protocols):
        msg = f"protocols are IP protocol numbers 1..255: {snapshot.protocols}"
        raise KernelError(msg)
