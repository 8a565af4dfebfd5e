"""Snapshots that stand for the homes the table is made for, by the name of their golden file."""

from __future__ import annotations

from dataclasses import replace

from gateway.kernel.marks import MarkLayout
from gateway.kernel.snapshot import Offload, Owner, PassElement, Rates, Slot, Snapshot, boot_guard_snapshot

EMPTY = Snapshot(lan=("br-lan",))

ONE_CHILD = Snapshot(
    lan=("br-lan",),
    slots=(Slot(1, ("02:00:00:00:00:0a",), closed=True),),
    owners=(Owner("br-lan", "192.168.1.10", 1),),
    passes=(PassElement(1, 1, lease=90),),
    help4=("192.0.2.16", "192.0.2.17"),
    help6=("2001:db8:16::16",),
    help_dns_port=5354,
    dns_port=5353,
)

FAMILY = Snapshot(
    lan=("br-lan", "br-guest", "vlan.iot"),
    slots=(
        Slot(1, ("02:00:00:00:00:0a", "02:00:00:00:00:1a"), closed=True, kept_out=True),
        Slot(2, ("02:00:00:00:00:0b",), closed=True, kept_out=True),
        Slot(3, ("02:00:00:00:00:0c",), closed=False, kept_out=True),
        Slot(66, ("02:00:00:00:00:0d",), closed=False),  # an adult's, with rules
        Slot(254, (), closed=True, kept_out=True),
        Slot(255, (), closed=True, kept_out=True),
    ),
    guest=255,
    unassigned=(("br-guest", 254), ("vlan.iot", None)),
    plain=("02:00:00:00:00:aa", "02:00:00:00:00:ab"),
    owners=(
        Owner("br-guest", "fe80::1a", 254),
        Owner("br-lan", "192.168.1.10", 2),
        Owner("br-lan", "2001:db8::1a", 1),
        Owner("br-lan", "fe80::1a", 1),
    ),
    passes=(
        PassElement(1, 1, lease=90),
        PassElement(1, 2, lease=17),
        PassElement(2, 63, lease=90),
        PassElement(3, 1),
        PassElement(66, 1),
        PassElement(255, 1, lease=90),
    ),
    help4=("192.0.2.16",),
    help6=("2001:db8:16::16",),
    help_dns_port=5354,
    dns_port=5353,
    dns_for_everyone=True,
    pages=("192.168.1.2", "fd00::2"),
    page_port=8080,
    page_tls_port=8443,
    page_labels=("k7q2m9x4w3dfa5zt", "qalqan"),
    door_ports=(445, 8096),
    protocols=(50,),
    rates=Rates(tcp=4000, dns=2000, http=16_000),  # of a PC
)

SNAPSHOTS = {
    "empty": EMPTY,
    "one-child": ONE_CHILD,
    "one-child-fallback": replace(ONE_CHILD, native=False),
    "family": FAMILY,
    "family-fallback": replace(FAMILY, native=False),
    "guard": boot_guard_snapshot(FAMILY),
    "one-arm": replace(ONE_CHILD, arm=True),
    "offload": replace(ONE_CHILD, offload=Offload(("lan0", "wan"))),
    "offload-hardware": replace(ONE_CHILD, offload=Offload(("lan0", "wan"), hardware=True)),
    "other-marks": replace(ONE_CHILD, layout=MarkLayout(packet=0xFF000000, ct=0x0000FF00, slot=0x000000FF)),
}
