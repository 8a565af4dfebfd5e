"""The whole table as nft text. Pure: equal snapshots give equal text; nothing here talks to the kernel."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from gateway.kernel.ruleset_chains import chains
from gateway.kernel.ruleset_words import hexed
from gateway.kernel.snapshot import QUEUE_BASE, Offload, PassElement, Slot, Snapshot, guard

__all__ = [
    "QUEUE_BASE",
    "TABLE",
    "Offload",
    "PassElement",
    "Slot",
    "Snapshot",
    "dev_elements",
    "guard",
    "pass_elements",
    "render",
    "render_body",
    "render_removal",
    "set_elements",
]

FAMILY, NAME = "inet", "qalqan"
TABLE = f"{FAMILY} {NAME}"

_HEADER = "# Written by Qalqan: lasts until the next change of a rule. Edits are undone.\n"
_PER_LINE = 4  # elements; nft has no limit, a reader has


def render(snapshot: Snapshot) -> str:
    """The table from nothing, in one transaction, replacing one that is there: counters begin at zero."""
    return f"{_HEADER}table {TABLE} {{ }}\ndelete table {TABLE}\n{render_body(snapshot, whole=True)}"


def render_removal() -> str:
    """Take the table away; no error where there is none."""
    return f"table {TABLE} {{ }}\ndelete table {TABLE}\n"


def render_body(snapshot: Snapshot, *, whole: bool) -> str:
    """``table … { … }``: map dev and the chains; the other sets and maps too when ``whole``."""
    lines = [f"table {TABLE} {{"]
    if whole:
        lines += _sets(snapshot)
    lines += _block("map dev", ["type ether_addr : verdict"], dev_elements(snapshot))
    for name, statements in chains(snapshot).items():
        lines += [f"  chain {name} {{", *(f"    {statement}" for statement in statements), "  }"]
    lines.append("}")
    return "\n".join(lines) + "\n"


def dev_elements(snapshot: Snapshot) -> list[str]:
    """MAC → its slot's chain, or back to where it was asked."""
    filtered = (f"{mac} : goto slot{slot.number}" for slot in snapshot.slots for mac in slot.macs)
    return sorted([*filtered, *(f"{mac} : return" for mac in snapshot.plain)])


def pass_elements(snapshot: Snapshot, passes: Iterable[PassElement]) -> list[str]:
    """Two keys for each open class: of decided flows and of plain HTTP."""
    return [
        f"{hexed(key)}{'' if element.lease is None else f' timeout {element.lease}s'} : accept"
        for element in sorted(passes, key=lambda element: (element.slot, element.class_number))
        for key in snapshot.layout.pass_keys(element.slot, element.class_number)
    ]


def set_elements(snapshot: Snapshot) -> dict[str, list[str]]:
    """The sets that are kept over an update and mended by difference."""
    return {
        "help4": _addresses(snapshot.help4),
        "help6": _addresses(snapshot.help6),
        "helpports": sorted({f"{transport} . {port}" for transport, port in snapshot.help_ports}),
    }


def _addresses(texts: Iterable[str]) -> list[str]:
    return [str(address) for address in sorted({ipaddress.ip_address(text) for text in texts}, key=int)]


def _sets(snapshot: Snapshot) -> Iterator[str]:
    kept = set_elements(snapshot)
    yield from _block("set alive", ["type nf_proto", "flags timeout"], [])
    yield from _block("set guard", ["type mark", "size 256", "flags dynamic,timeout", "timeout 1m"], [])
    yield from _block("set help4", ["type ipv4_addr"], kept["help4"])
    yield from _block("set help6", ["type ipv6_addr"], kept["help6"])
    yield from _block("set helpports", ["type inet_proto . inet_service"], kept["helpports"])
    passes = pass_elements(snapshot, snapshot.passes)
    yield from _block("map pass", ["type mark : verdict", "counter", "flags timeout"], passes)
    if snapshot.offload is not None:
        devices = ", ".join(f'"{name}"' for name in snapshot.offload.devices)
        hook = ["hook ingress priority 0;", f"devices = {{ {devices} }};"]
        yield from _block(
            "flowtable ft", [*hook, *(["flags offload;"] if snapshot.offload.hardware else [])], []
        )


def _block(head: str, statements: list[str], elements: list[str]) -> Iterator[str]:
    yield f"  {head} {{"
    yield from (f"    {statement}" for statement in statements)
    if elements:
        yield "    elements = {"
        for start in range(0, len(elements), _PER_LINE):
            last = start + _PER_LINE >= len(elements)
            yield f"      {', '.join(elements[start : start + _PER_LINE])}{'' if last else ','}"
        yield "    }"
    yield "  }"
