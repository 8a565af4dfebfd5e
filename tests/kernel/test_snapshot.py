from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.errors import KernelError
from gateway.kernel.snapshot import (
    GUARD_DNS_PORT,
    Examined,
    Offload,
    Owner,
    PassElement,
    Slot,
    Snapshot,
    boot_guard_snapshot,
)
from tests.kernel.snapshots import FAMILY, ONE_CHILD, SNAPSHOTS

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"lan": ()}, "lan: no interface is named"),
    ({"lan": ('br"; flush ruleset',)}, "is no interface name"),
    ({"lan": ("br-lan\n",)}, "is no interface name"),
    ({"lan": ("abcdefghijklmnop",)}, "is no interface name"),
    ({"lan": ("wlan*",)}, "is no interface name"),
    ({"lan": ("eth0:1",)}, "use 1-15 letters, digits and . _ - @"),  # a label of an address
    ({"lan": ("br-lan", "br-lan")}, "named twice"),
    ({"offload": Offload(("eth 0",))}, "offload devices: 'eth 0'"),
    ({"slots": (Slot(0, (), True),)}, "slot 0 cannot be used"),
    ({"slots": (Slot(64, (), True),)}, "slot 64 cannot be used"),
    ({"slots": (Slot(256, (), True),)}, "slot 256 cannot be used"),
    ({"slots": (Slot(1, (), True), Slot(1, (), False))}, "a slot number is used twice"),
    ({"guest": 9}, "the guests' slot 9 is not among"),
    ({"unassigned": (("br-guest", 1),)}, "unassigned devices: br-guest is not in lan"),
    ({"unassigned": (("br-lan", 1), ("br-lan", None))}, "or is there twice"),
    ({"unassigned": (("br-lan", 9),)}, "unassigned devices on br-lan: slot 9 is not among"),
    ({"examined": Examined(guest=9)}, "the guests' slot 9 is not among"),
    (
        {"examined": Examined(unassigned=(("br-lan", 9),))},
        "unassigned devices on br-lan: slot 9 is not among",
    ),
    ({"examined": Examined(("02:00:00:00:00:0a",))}, "device 02:00:00:00:00:0a is named twice"),
    ({"door_ports": (0,)}, r"not within 1\.\.65535"),
    ({"slots": (Slot(1, ("02:00:00:00:00:0A",), True),)}, "is no MAC address"),
    ({"slots": (Slot(1, ("02:00:00:00:00",), True),)}, "is no MAC address"),
    ({"plain": ("02:00:00:00:00:0a : drop",)}, "is no MAC address"),
    ({"plain": ("02:00:00:00:00:0a",)}, "device 02:00:00:00:00:0a is named twice"),
    ({"passes": (PassElement(9, 1),)}, "slot 9, class 1: there is no such slot"),
    ({"passes": (PassElement(1, 64),)}, r"a class is 1\.\.63"),
    ({"passes": (PassElement(1, 0),)}, r"a class is 1\.\.63"),
    ({"passes": (PassElement(1, 1, lease=91),)}, "a lease of 91 s"),
    ({"passes": (PassElement(1, 1, lease=0),)}, "a lease of 0 s"),
    ({"passes": (PassElement(1, 1), PassElement(1, 1, lease=5))}, "it is there twice"),
    ({"help4": ("2001:db8::1",)}, "is not an IPv4 address"),
    ({"help6": ("192.0.2.1",)}, "is not an IPv6 address"),
    ({"help6": ("fe80::1%eth0",)}, "is no IP address"),
    ({"help4": ("192.0.2.0/24",)}, "is no IP address"),
    ({"help_ports": (("sctp", 1),)}, "help port sctp/1"),
    ({"help_ports": (("tcp", 0),)}, "help port tcp/0"),
    ({"dns_port": 65536}, r"not within 1\.\.65535"),
    ({"queue_base": 65530}, "leaves no room for 24 queues"),
    ({"pages": ("192.168.1.2",)}, "pages and page_port go together"),
    ({"protocols": (256,)}, r"IP protocol numbers 1\.\.255"),
]


@pytest.mark.parametrize(("change", "complaint"), WRONG)
def test_what_nft_would_refuse_cannot_exist(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(KernelError, match=complaint) as raised:
        replace(ONE_CHILD, **change)
    assert "\n" not in str(raised.value)


def test_guard_keeps_the_closed_slots_alone_and_opens_nothing() -> None:
    kept = boot_guard_snapshot(FAMILY)
    assert [slot.number for slot in kept.slots] == [1, 2, 254, 255]
    assert kept.unassigned == FAMILY.unassigned
    assert all(slot.closed for slot in kept.slots)
    assert kept.guest == 255
    assert kept.passes == ()
    assert not kept.dns_for_everyone
    assert (kept.help4, kept.help_dns_port) == (FAMILY.help4, GUARD_DNS_PORT)


def test_guard_never_closes_a_device_of_an_open_slot() -> None:
    """Such a device would fall to the guests' slot if it were not named."""
    open_devices = {mac for slot in FAMILY.slots if not slot.closed for mac in slot.macs}
    assert open_devices <= set(boot_guard_snapshot(FAMILY).plain)


def test_guard_knows_no_examined_devices() -> None:
    """Or its file would be written whenever a guest comes or goes."""
    examined = replace(FAMILY, examined=Examined(("02:00:00:00:00:99",), 254))
    assert boot_guard_snapshot(examined) == boot_guard_snapshot(FAMILY)


def test_guard_forgets_an_open_guests_slot() -> None:
    open_guests = replace(
        FAMILY, slots=tuple(replace(slot, closed=slot.number == 1) for slot in FAMILY.slots), passes=()
    )
    assert boot_guard_snapshot(open_guests).guest is None
    assert boot_guard_snapshot(open_guests).unassigned == (("br-guest", None), ("vlan.iot", None))


def test_equal_snapshots_are_equal() -> None:
    assert SNAPSHOTS["one-child"] == Snapshot(
        lan=("br-lan",),
        slots=(Slot(1, ("02:00:00:00:00:0a",), closed=True),),
        owners=(Owner("br-lan", "192.168.1.10", 1),),
        passes=(PassElement(1, 1, lease=90),),
        help4=("192.0.2.16", "192.0.2.17"),
        help6=("2001:db8:16::16",),
        help_dns_port=5354,
        dns_port=5353,
    )
