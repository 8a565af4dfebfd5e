"""Changes of a loaded table as nft text, one transaction each: rules are refilled, counters remain."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.kernel.ruleset.chains import chains
from gateway.kernel.ruleset.expressions import RATES, hexed
from gateway.kernel.ruleset.table import (
    FLOW_TABLE,
    OF_DEVICES,
    REFILLED,
    TABLE,
    PassElement,
    Snapshot,
    flow_table,
    owner_elements,
    pass_elements,
    render_body,
    render_sets,
    set_elements,
)

ALIVE_LEASE = 3
"""Seconds. The main loop renews it every second: it may miss two before open profiles pass unfiltered."""


def needs_rebuild(old: Snapshot, new: Snapshot) -> bool:
    """Return whether ``render_update`` is impossible: read the counters, then apply ``render(new)``."""
    moved = not new.native and old.queue_base != new.queue_base
    return moved or (old.layout, old.native, old.alone) != (new.layout, new.native, new.alone)


def render_update(old: Snapshot, new: Snapshot) -> str:
    """Return the change from the table of ``old``, which must be loaded unchanged, to that of ``new``.

    ``pass`` keeps its elements with counters and leases, except for those that differ: one with another lease
    is replaced and counts from zero (read it first). Raises ValueError if ``needs_rebuild`` is true.
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


def render_repair(snapshot: Snapshot, unmatched: Iterable[int] = ()) -> str:
    """Restore everything that another program changed or removed; existing counters remain.

    In fallback mode the targets must be installed again. ``unmatched`` are keys in ``pass`` that the snapshot
    does not have (usage.py): they are removed.
    """
    refilled = "".join(f"flush {kind} {TABLE} {name}\n" for kind, name in REFILLED)
    keys = _elements("destroy", "pass", [hexed(key) for key in sorted(unmatched)])
    return f"{render_sets(snapshot)}flush table {TABLE}\n{refilled}{keys}{render_body(snapshot, whole=True)}"


def render_passes(snapshot: Snapshot, *, removed: Iterable[PassElement], added: Iterable[PassElement]) -> str:
    """Close and open classes in one transaction: ``removed`` ends all flows of a class, ``added`` counts from
    zero.

    An element in both is renewed: its lease starts again (kernels before 6.12 cannot extend one).
    """
    keys = [
        hexed(key)
        for e in sorted(removed, key=_order)
        for key in snapshot.layout.pass_keys(e.slot, e.class_number)
    ]
    return _elements("destroy", "pass", keys) + _elements("add", "pass", pass_elements(snapshot, added))


def render_owners(old: Snapshot, new: Snapshot) -> str:
    """Return the change from the address owners in ``old`` to those in ``new``, for equal slots."""
    before, after = owner_elements(old), owner_elements(new)
    parts = []
    for name in before:
        there, wanted = set(before[name]), set(after[name])
        gone = [element.partition(" : ")[0] for element in before[name] if element not in wanted]
        parts.append(_elements("destroy", name, gone))
        parts.append(_elements("add", name, [element for element in after[name] if element not in there]))
    return "".join(parts)


def render_flows_ended() -> str:
    """Remove the flow table, once no rule refers to it: offloaded flows then pass the rules again."""
    return f"destroy flowtable {TABLE} {FLOW_TABLE}\n"


def render_new_flow_table(snapshot: Snapshot) -> str:
    """Replace the loaded flow table by an empty one. From then on the connection's mark applies to every
    packet; unfiltered flows enter the new table with their next packet.
    """
    lines = [*flow_table(snapshot), "  chain unfiltered {"]
    lines += [*(f"    {statement}" for statement in chains(snapshot)["unfiltered"]), "  }"]
    anew = "\n".join([f"table {TABLE} {{", *lines, "}"])
    return f"flush chain {TABLE} unfiltered\n{render_flows_ended()}{anew}\n"


def render_reset_rates(snapshot: Snapshot, slot: int) -> str:
    """Reset the rate limits of a slot."""
    mark = hexed(snapshot.layout.ct_mark(slot))
    return "".join(_elements("destroy", name, [mark]) for name in RATES)


def render_alive(seconds: int = ALIVE_LEASE) -> str:
    """Renew the lease that shows that the daemon is alive."""
    protos = ("ipv4", "ipv6")
    leased = [f"{proto} timeout {seconds}s" for proto in protos]
    return _elements("destroy", "alive", list(protos)) + _elements("add", "alive", leased)


def _order(element: PassElement) -> tuple[int, int]:
    return element.slot, element.class_number


def _elements(verb: str, name: str, elements: list[str]) -> str:
    return f"{verb} element {TABLE} {name} {{ {', '.join(elements)} }}\n" if elements else ""
