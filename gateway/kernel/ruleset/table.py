"""Renders the whole nftables table as nft text, and changes of a loaded table.

Pure: equal snapshots give equal text; nothing accesses the kernel. Each text is one transaction. A change
keeps the counters (`render_update`); those of a new complete table begin at zero.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from gateway.kernel.marks import hexed
from gateway.kernel.ruleset.chains import chains, queue_targets
from gateway.kernel.ruleset.packet_rates import RATES, SIZES
from gateway.kernel.snapshot import PassElement, Snapshot

FAMILY, NAME, FLOW_TABLE = "inet", "qalqan", "ft"
TABLE = f"{FAMILY} {NAME}"

_HEADER = "# Written by Qalqan: lasts until the next change of a rule. Edits are undone.\n"
_GUARD_HEADER = (
    "# Written by Qalqan: closed devices reach help alone, until the daemon's own table stands here.\n"
)
_LAST_NUMBER = 0xFFFFFFFF  # of TCP
_PER_LINE = 4  # elements, for readability; nft has no limit

ALIVE_LEASE = 3
"""Seconds. The main loop renews it every second: it may miss two before open profiles pass unfiltered."""

HELD_LEASE = 10
"""Seconds for which a table without a daemon still blocks new connections of open profiles, at a restart."""

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
    # The connections with a long upload over plain HTTP, and ranges of the numbers of their bytes.
    ("set bodies", "typeof ct id . tcp sequence", "size 256", "flags interval,timeout", "timeout 2m"),
    ("set answers", "typeof ct id . tcp ackseq", "size 512", "flags interval"),
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
_BODIES = frozenset(("set bodies", "set answers"))
_RATES = frozenset(f"set {name}" for name in (*RATES, *SIZES))
OF_DEVICES = tuple(block[0].split()[1] for block in _DEVICES)
"""Maps that refer to slots: an update empties and refills them, since the slots may have changed."""
REFILLED = (("set", "help4"), ("set", "help6"), ("set", "helpports"), *(("map", name) for name in OF_DEVICES))
"""Sets and maps that can be emptied and refilled without loss: they have no counters and no timeouts."""


def render(snapshot: Snapshot) -> str:
    """Return nft text that creates the complete table as one transaction, in place of a loaded one.

    Counters begin at zero. Use `render_in_place` where connections have to continue.
    """
    header = _GUARD_HEADER if snapshot.alone else _HEADER
    return f"{header}table {TABLE} {{ }}\ndelete table {TABLE}\n{render_body(snapshot, whole=True)}"


def render_in_place(snapshot: Snapshot, loaded: Collection[str]) -> str:
    """Return nft text of the complete table as one transaction that refills a loaded one.

    Counters begin at zero. While a transaction removes a table, the kernel finds no element of its maps, for
    some milliseconds under load (Linux 6.18). ``render`` would so reset connections that continue; this keeps
    chains, sets and maps, and misses none. The kernel refuses it if another version loaded sets of other
    types.

    Arguments:
        loaded: the names of all chains in the loaded table. Those of the queues keep their targets.
    """
    targets = queue_targets(snapshot)
    kept = [name for name in loaded if name in targets]
    parts = [_HEADER, *(f"flush chain {TABLE} {name}\n" for name in loaded if name not in kept)]
    parts += [render_flows_ended(), render_sets(snapshot)]
    for block in (*_sets_of(snapshot), *_DEVICES):
        kind, name = block[0].split()
        parts.append(f"flush {kind} {TABLE} {name}\n")
    parts.append(render_body(snapshot, whole=True, without=kept))
    wanted = {**chains(snapshot), **targets}
    parts += [f"delete chain {TABLE} {name}\n" for name in loaded if name not in wanted]
    return "".join(parts)


def render_removal() -> str:
    """Return nft text that removes the table, without an error if there is none."""
    return f"table {TABLE} {{ }}\ndelete table {TABLE}\n"


def render_body(
    snapshot: Snapshot, *, whole: bool, flowtable: bool = False, without: Collection[str] = ()
) -> str:
    """Return the nft text ``table … { … }`` with the device maps and the chains.

    ``without``: names of chains to leave out. ``whole`` adds the other sets, the chains of the queues and the
    flow table; ``flowtable`` adds only the flow table, for one that has changed.
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
        if name in without:
            continue
        lines += [f"  chain {name} {{", *(f"    {statement}" for statement in statements), "  }"]
    lines.append("}")
    return "\n".join(lines) + "\n"


def render_sets(snapshot: Snapshot) -> str:
    """Return the nft text ``table … { … }`` that declares all sets and maps without elements.

    It does not change loaded ones. With offload, it declares the flow table too.
    """
    lines = list(_sets(snapshot, filled=False))
    for block in _DEVICES:
        lines += _block(block, [])
    return "\n".join([f"table {TABLE} {{", *lines, "}"]) + "\n"


def dev_elements(snapshot: Snapshot) -> list[str]:
    """Return the nft elements of map ``dev``, sorted: each leads from a MAC address to a chain.

    The chain is that of the device's slot, or of unfiltered devices.
    """
    filtered = (f"{mac} : goto slot{slot.number}" for slot in snapshot.slots for mac in slot.macs)
    examined = (f"{mac} : goto examined" for mac in snapshot.examined.macs)
    return sorted([*filtered, *(f"{mac} : goto plain" for mac in snapshot.plain), *examined])


def owner_elements(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the nft elements of maps ``owner4`` and ``owner6``, by map name.

    Each element leads from an interface and an IP address to the chain of the slot whose device answers for
    it.
    """
    found: dict[str, list[str]] = {"owner4": [], "owner6": []}
    for owner in sorted(snapshot.owners):
        name = "owner6" if ":" in owner.address else "owner4"
        found[name].append(f'"{owner.interface}" . {owner.address} : goto slot{owner.slot}')
    return found


def pass_elements(snapshot: Snapshot, passes: Iterable[PassElement]) -> list[str]:
    """Return the nft elements of map ``pass`` for these open classes (combinations of time rules): two each.

    One is for decided flows, the other for plain HTTP. Their keys are connection marks.
    """
    return [
        f"{hexed(key)}{'' if element.lease is None else f' timeout {element.lease}s'} : accept"
        for element in sorted(passes, key=lambda element: (element.slot, element.class_number))
        for key in snapshot.layout.pass_keys(element.slot, element.class_number)
    ]


def set_elements(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the nft elements of sets ``help4``, ``help6`` and ``helpports``, by set name.

    An update changes these sets by the difference only.
    """
    return {
        "help4": _addresses(snapshot.help4),
        "help6": _addresses(snapshot.help6),
        "helpports": sorted({f"{transport} . {port}" for transport, port in snapshot.help_ports}),
    }


def _addresses(texts: Iterable[str]) -> list[str]:
    return [str(address) for address in sorted({ipaddress.ip_address(text) for text in texts}, key=int)]


def _sets(snapshot: Snapshot, *, filled: bool) -> Iterator[str]:
    elements = {**set_elements(snapshot), "pass": pass_elements(snapshot, snapshot.passes)} if filled else {}
    for block in _sets_of(snapshot):
        if snapshot.alone and block[0] in _RATES:  # nothing is queued, so nothing needs a limit
            continue
        yield from _block(block, elements.get(block[0].split()[1], []))
    yield from flow_table(snapshot)


def _sets_of(snapshot: Snapshot) -> Iterator[tuple[str, ...]]:
    has_bodies = snapshot.reads_answers and not snapshot.alone
    return (block for block in _SETS if has_bodies or block[0] not in _BODIES)


def flow_table(snapshot: Snapshot) -> Iterator[str]:
    """Yield the nft lines that declare the flow table for offloaded flows; none without offload."""
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


def needs_rebuild(old: Snapshot, new: Snapshot) -> bool:
    """Return whether the loaded table of ``old`` cannot be updated to ``new`` and has to be replaced.

    The caller then reads the counters and applies ``render(new)``.
    """
    moved = not new.native and old.queue_base != new.queue_base
    return moved or (old.layout, old.native, old.alone) != (new.layout, new.native, new.alone)


def render_update(old: Snapshot, new: Snapshot) -> str:
    """Return nft text that changes the loaded table of ``old`` to that of ``new``.

    The loaded table must be unchanged. Map ``pass`` keeps its elements with counters and leases, except for
    those that differ: one with another lease is replaced and counts from zero (read it first). Raises
    ValueError if ``needs_rebuild`` is true.
    """
    if needs_rebuild(old, new):
        msg = "marks or queues changed: the table must be rebuilt"
        raise ValueError(msg)
    there, wanted = chains(old), chains(new)
    parts = [f"flush chain {TABLE} {name}\n" for name in there]
    parts += [f"flush map {TABLE} {name}\n" for name in OF_DEVICES]
    offloads = old.offload != new.offload
    if offloads and old.offload is not None:
        parts.append(render_flows_ended())
    parts.append(render_body(new, whole=False, flowtable=offloads))
    parts += [f"delete chain {TABLE} {name}\n" for name in there if name not in wanted]
    before, after = set_elements(old), set_elements(new)
    for name in before:
        parts.append(_elements("destroy", name, [e for e in before[name] if e not in after[name]]))
        parts.append(_elements("add", name, [e for e in after[name] if e not in before[name]]))
    parts.append(
        render_passes(new, removed=set(old.passes) - set(new.passes), added=set(new.passes) - set(old.passes))
    )
    return "".join(parts)


def render_held(snapshot: Snapshot) -> str:
    """Return nft text that lets the loaded table of ``snapshot`` outlive its daemon until the next start.

    For HELD_LEASE seconds, new connections and DNS queries of open profiles are blocked too, and devices
    repeat them; then open profiles are not filtered, as without a daemon. Running connections continue.
    """
    return render_update(snapshot, replace(snapshot, held=True)) + render_alive(HELD_LEASE)


def render_repair(snapshot: Snapshot, unmatched: Iterable[int] = ()) -> str:
    """Return nft text that restores all that another program changed or removed in the table.

    Existing counters remain. In fallback mode (without nft's ``queue``) the NFQUEUE targets must be installed
    again. ``unmatched`` are keys in map ``pass`` of classes that are not open in the snapshot: they are
    removed.
    """
    refilled = "".join(f"flush {kind} {TABLE} {name}\n" for kind, name in REFILLED)
    keys = _elements("destroy", "pass", [hexed(key) for key in sorted(unmatched)])
    return f"{render_sets(snapshot)}flush table {TABLE}\n{refilled}{keys}{render_body(snapshot, whole=True)}"


def render_passes(snapshot: Snapshot, *, removed: Iterable[PassElement], added: Iterable[PassElement]) -> str:
    """Return nft text that closes and opens classes of slots (devices), in one transaction.

    A class is a combination of time rules. ``removed`` ends all flows of a class, ``added`` counts
    from zero. An element in both is renewed: its lease starts again (kernels before 6.12 cannot
    extend one).
    """
    keys = [
        hexed(key)
        for e in sorted(removed, key=_order)
        for key in snapshot.layout.pass_keys(e.slot, e.class_number)
    ]
    return _elements("destroy", "pass", keys) + _elements("add", "pass", pass_elements(snapshot, added))


def render_owners(old: Snapshot, new: Snapshot) -> str:
    """Return nft text that changes the owners of IP addresses from those of ``old`` to those of ``new``.

    The owner is the filtered device (slot) that answers for an address. Both have the same slots.
    Empty if nothing changes.
    """
    before, after = owner_elements(old), owner_elements(new)
    parts = []
    for name in before:
        there, wanted = set(before[name]), set(after[name])
        gone = [element.partition(" : ")[0] for element in before[name] if element not in wanted]
        parts.append(_elements("destroy", name, gone))
        parts.append(_elements("add", name, [element for element in after[name] if element not in there]))
    return "".join(parts)


def render_flows_ended() -> str:
    """Return nft text that removes the flow table, so that its flows pass the rules again.

    Rules that use it must be removed first.
    """
    return f"destroy flowtable {TABLE} {FLOW_TABLE}\n"


def render_new_flow_table(snapshot: Snapshot) -> str:
    """Return nft text that replaces the loaded flow table by an empty one.

    From then on the connection's mark applies to every packet. Unfiltered flows enter the new table with
    their next packet. Call it only for a snapshot with offload.
    """
    lines = [*flow_table(snapshot), "  chain unfiltered {"]
    lines += [*(f"    {statement}" for statement in chains(snapshot)["unfiltered"]), "  }"]
    created = "\n".join([f"table {TABLE} {{", *lines, "}"])
    return f"flush chain {TABLE} unfiltered\n{render_flows_ended()}{created}\n"


def render_reset_rates(snapshot: Snapshot, slot: int) -> str:
    """Return nft text that resets the packet rate limits of a slot (filtered device).

    It removes the elements of its mark from the sets that count packets (RATES), not from that of ICMP.
    """
    mark = hexed(snapshot.layout.ct_mark(slot))
    return "".join(_elements("destroy", name, [mark]) for name in RATES)


def body_elements(connection: int, first: int, count: int) -> list[str]:
    """Return the elements of set ``bodies`` or ``answers`` for a range of TCP sequence numbers.

    It begins at ``first``; ``count`` numbers follow, which may wrap: then there are two elements.
    ``connection``: the kernel's id of the connection (`ConntrackEntry.number`).
    """
    if count >= _LAST_NUMBER:
        return [f"{connection} . 0-{_LAST_NUMBER}"]
    last = first + count
    if last <= _LAST_NUMBER:
        return [f"{connection} . {first}-{last}"]
    return [f"{connection} . {first}-{_LAST_NUMBER}", f"{connection} . 0-{last - _LAST_NUMBER - 1}"]


def render_bodies(name: str, *, removed: list[str], added: list[str]) -> str:
    """Return nft text that removes and adds elements of set ``bodies`` or ``answers`` (``name``)."""
    return _elements("destroy", name, removed) + _elements("add", name, added)


def render_alive(seconds: int = ALIVE_LEASE) -> str:
    """Return nft text that renews the lease in set ``alive``, which shows that the daemon runs.

    ``seconds``: until the lease ends.
    """
    protos = ("ipv4", "ipv6")
    leased = [f"{proto} timeout {seconds}s" for proto in protos]
    return _elements("destroy", "alive", list(protos)) + _elements("add", "alive", leased)


def _order(element: PassElement) -> tuple[int, int]:
    return element.slot, element.class_number


def _elements(verb: str, name: str, elements: list[str]) -> str:
    return f"{verb} element {TABLE} {name} {{ {', '.join(elements)} }}\n" if elements else ""
