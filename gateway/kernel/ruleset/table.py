"""The whole table as nft text. Pure: equal snapshots give equal text; nothing accesses the kernel."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from gateway.kernel.ruleset.chains import chains, queue_targets
from gateway.kernel.ruleset.expressions import RATES, SIZES, hexed
from gateway.kernel.snapshot import QUEUE_BASE, Offload, Owner, PassElement, Slot, Snapshot, guard

__all__ = [
    "FLOW_TABLE",
    "OF_DEVICES",
    "QUEUE_BASE",
    "REFILLED",
    "TABLE",
    "Offload",
    "Owner",
    "PassElement",
    "Slot",
    "Snapshot",
    "dev_elements",
    "flow_table",
    "guard",
    "owner_elements",
    "pass_elements",
    "render",
    "render_body",
    "render_removal",
    "render_sets",
    "set_elements",
]

FAMILY, NAME, FLOW_TABLE = "inet", "qalqan", "ft"
TABLE = f"{FAMILY} {NAME}"

_HEADER = "# Written by Qalqan: lasts until the next change of a rule. Edits are undone.\n"
_GUARD_HEADER = (
    "# Written by Qalqan: closed devices reach help alone, until the daemon's own table stands here.\n"
)
_PER_LINE = 4  # elements, for readability; nft has no limit


def render(snapshot: Snapshot) -> str:
    """Return the complete table as one transaction. It replaces a loaded one: counters begin at zero."""
    header = _GUARD_HEADER if snapshot.alone else _HEADER
    return f"{header}table {TABLE} {{ }}\ndelete table {TABLE}\n{render_body(snapshot, whole=True)}"


def render_removal() -> str:
    """Return text that removes the table, without an error if there is none."""
    return f"table {TABLE} {{ }}\ndelete table {TABLE}\n"


def render_body(snapshot: Snapshot, *, whole: bool, flowtable: bool = False) -> str:
    """Return ``table … { … }`` with the device maps and the chains.

    ``whole`` adds the other sets, the chains of the queues and the flow table; ``flowtable`` adds only the
    flow table, for one that has changed.
    """
    lines = [f"table {TABLE} {{"]
    if whole:
        lines += _sets(snapshot, filled=True)
    elif flowtable:
        lines += flow_table(snapshot)
    elements = {"dev": dev_elements(snapshot), **owner_elements(snapshot)}
    for block in _DEVICES:
        lines += _block(block, elements[block[0].split()[1]])
    for name, statements in {**chains(snapshot), **(queue_targets(snapshot) if whole else {})}.items():
        lines += [f"  chain {name} {{", *(f"    {statement}" for statement in statements), "  }"]
    lines.append("}")
    return "\n".join(lines) + "\n"


def render_sets(snapshot: Snapshot) -> str:
    """Return ``table … { … }`` with all sets and maps, empty: existing ones are not changed."""
    lines = list(_sets(snapshot, filled=False))
    for block in _DEVICES:
        lines += _block(block, [])
    return "\n".join([f"table {TABLE} {{", *lines, "}"]) + "\n"


def dev_elements(snapshot: Snapshot) -> list[str]:
    """Return MAC → the chain of its slot, or of unfiltered devices."""
    filtered = (f"{mac} : goto slot{slot.number}" for slot in snapshot.slots for mac in slot.macs)
    return sorted([*filtered, *(f"{mac} : goto plain" for mac in snapshot.plain)])


def owner_elements(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return interface and address → the chain of the slot whose device answers there, by map name."""
    found: dict[str, list[str]] = {"owner4": [], "owner6": []}
    for owner in sorted(snapshot.owners):
        name = "owner6" if ":" in owner.address else "owner4"
        found[name].append(f'"{owner.interface}" . {owner.address} : goto slot{owner.slot}')
    return found


def pass_elements(snapshot: Snapshot, passes: Iterable[PassElement]) -> list[str]:
    """Return two keys for each open class: for decided flows and for plain HTTP."""
    return [
        f"{hexed(key)}{'' if element.lease is None else f' timeout {element.lease}s'} : accept"
        for element in sorted(passes, key=lambda element: (element.slot, element.class_number))
        for key in snapshot.layout.pass_keys(element.slot, element.class_number)
    ]


def set_elements(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the elements of the sets that an update changes by difference."""
    return {
        "help4": _addresses(snapshot.help4),
        "help6": _addresses(snapshot.help6),
        "helpports": sorted({f"{transport} . {port}" for transport, port in snapshot.help_ports}),
    }


def _addresses(texts: Iterable[str]) -> list[str]:
    return [str(address) for address in sorted({ipaddress.ip_address(text) for text in texts}, key=int)]


_SETS = (
    ("set alive", "type nf_proto", "flags timeout"),
    *(
        (f"set {name}", "type mark", "size 256", "flags dynamic,timeout", "timeout 1m")
        for name in (*RATES, *SIZES)
    ),
    *(
        (
            f"set {name}",
            f"type {address_type} . {address_type} . inet_proto",
            "size 1024",
            "flags dynamic,timeout",
            "timeout 10s",
        )
        for name, address_type in (("shut4", "ipv4_addr"), ("shut6", "ipv6_addr"))
    ),
    ("set help4", "type ipv4_addr"),
    ("set help6", "type ipv6_addr"),
    ("set helpports", "type inet_proto . inet_service"),
    ("map pass", "type mark : verdict", "counter", "flags timeout"),
)
_DEVICES = (
    ("map dev", "type ether_addr : verdict"),
    ("map owner4", "type ifname . ipv4_addr : verdict"),
    ("map owner6", "type ifname . ipv6_addr : verdict"),
)
_RATES = frozenset(f"set {name}" for name in (*RATES, *SIZES))
OF_DEVICES = tuple(block[0].split()[1] for block in _DEVICES)
"""Maps that refer to slots: an update empties and refills them, since the slots may have changed."""
REFILLED = (("set", "help4"), ("set", "help6"), ("set", "helpports"), *(("map", name) for name in OF_DEVICES))
"""Sets and maps that can be emptied and refilled without loss: they have no counters and no timeouts."""


def _sets(snapshot: Snapshot, *, filled: bool) -> Iterator[str]:
    elements = {**set_elements(snapshot), "pass": pass_elements(snapshot, snapshot.passes)} if filled else {}
    for block in _SETS:
        if snapshot.alone and block[0] in _RATES:  # nothing is queued, so nothing needs a limit
            continue
        yield from _block(block, elements.get(block[0].split()[1], []))
    yield from flow_table(snapshot)


def flow_table(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.offload is not None:
        devices = ", ".join(f'"{name}"' for name in snapshot.offload.devices)
        hardware = ("flags offload;",) if snapshot.offload.hardware else ()
        hook = ("hook ingress priority 0;", f"devices = {{ {devices} }};")
        yield from _block((f"flowtable {FLOW_TABLE}", *hook, *hardware), [])


def _block(block: tuple[str, ...], elements: list[str]) -> Iterator[str]:
    yield f"  {block[0]} {{"
    yield from (f"    {statement}" for statement in block[1:])
    if elements:
        yield "    elements = {"
        for start in range(0, len(elements), _PER_LINE):
            last = start + _PER_LINE >= len(elements)
            yield f"      {', '.join(elements[start : start + _PER_LINE])}{'' if last else ','}"
        yield "    }"
    yield "  }"
