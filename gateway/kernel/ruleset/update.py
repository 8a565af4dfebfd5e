"""Changes of a loaded table as nft text, one transaction each: rules are refilled, counters stay."""

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
"""Seconds. The main loop renews it every second: two may be missed before open profiles pass unasked."""


def needs_rebuild(old: Snapshot, new: Snapshot) -> bool:
    """Whether ``render_update`` cannot make the change: read the counters, then apply ``render(new)``."""
    moved = not new.native and old.queue_base != new.queue_base
    return moved or (old.layout, old.native, old.alone) != (new.layout, new.native, new.alone)


def render_update(old: Snapshot, new: Snapshot) -> str:
    """From the table of ``old``, which is loaded as it was, to that of ``new``.

    ``pass`` keeps its elements, counters and leases but for those that differ: one whose lease changed is
    replaced, and counts from zero (read it first). Raises ValueError where ``needs_rebuild`` says so.
    """
    if needs_rebuild(old, new):
        msg = "marks or queues changed: the table has to be rendered whole"
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


def render_mend(snapshot: Snapshot, strays: Iterable[int] = ()) -> str:
    """Put back whatever something else changed or took away; counters that are still there are kept.

    In the fallback the targets have to be installed again. ``strays`` are keys in ``pass`` that are not the
    snapshot's (usage.py): they are destroyed.
    """
    refilled = "".join(f"flush {kind} {TABLE} {name}\n" for kind, name in REFILLED)
    keys = _elements("destroy", "pass", [hexed(key) for key in sorted(strays)])
    return f"{render_sets(snapshot)}flush table {TABLE}\n{refilled}{keys}{render_body(snapshot, whole=True)}"


def render_passes(snapshot: Snapshot, *, removed: Iterable[PassElement], added: Iterable[PassElement]) -> str:
    """Cut and open classes at once: ``removed`` ends every flow of its class, ``added`` counts from zero.

    An element in both is renewed: its lease begins anew (a kernel before 6.12 cannot prolong one).
    """
    keys = [
        hexed(key)
        for e in sorted(removed, key=_order)
        for key in snapshot.layout.pass_keys(e.slot, e.class_number)
    ]
    return _elements("destroy", "pass", keys) + _elements("add", "pass", pass_elements(snapshot, added))


def render_owners(old: Snapshot, new: Snapshot) -> str:
    """From the addresses' owners in ``old`` to those in ``new``, where the slots are the same."""
    before, after = owner_elements(old), owner_elements(new)
    parts = []
    for name in before:
        there, wanted = set(before[name]), set(after[name])
        gone = [one.partition(" : ")[0] for one in before[name] if one not in wanted]
        parts.append(_elements("destroy", name, gone))
        parts.append(_elements("add", name, [one for one in after[name] if one not in there]))
    return "".join(parts)


def render_flows_ended() -> str:
    """No flow table, where no rule names one any more: what went past the rules meets them again."""
    return f"destroy flowtable {TABLE} {FLOW_TABLE}\n"


def render_flows_anew(snapshot: Snapshot) -> str:
    """An empty flow table in the place of that which is loaded. From now on the connection's mark holds for
    every packet; who is unfiltered is in the table again with the next one.
    """
    lines = [*flow_table(snapshot), "  chain unfiltered {"]
    lines += [*(f"    {statement}" for statement in chains(snapshot)["unfiltered"]), "  }"]
    anew = "\n".join([f"table {TABLE} {{", *lines, "}"])
    return f"flush chain {TABLE} unfiltered\n{render_flows_ended()}{anew}\n"


def render_rates_forgotten(snapshot: Snapshot, slot: int) -> str:
    """Nothing is left of how much a slot sent."""
    mark = hexed(snapshot.layout.ct_mark(slot))
    return "".join(_elements("destroy", name, [mark]) for name in RATES)


def render_alive(seconds: int = ALIVE_LEASE) -> str:
    """Renew the daemon's sign of life."""
    protos = ("ipv4", "ipv6")
    leased = [f"{proto} timeout {seconds}s" for proto in protos]
    return _elements("destroy", "alive", list(protos)) + _elements("add", "alive", leased)


def _order(element: PassElement) -> tuple[int, int]:
    return element.slot, element.class_number


def _elements(verb: str, name: str, elements: list[str]) -> str:
    return f"{verb} element {TABLE} {name} {{ {', '.join(elements)} }}\n" if elements else ""
