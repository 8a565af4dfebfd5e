"""The rendered table against its golden files; ``QALQAN_GOLDEN=write pytest tests/kernel`` writes them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.errors import KernelError
from gateway.kernel.fallback import native_queue
from gateway.kernel.flowtable import has_flow_tables
from gateway.kernel.marks import MARK_MASK
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.bridge import GuardedBridge, render_bridges
from gateway.kernel.ruleset.table import (
    dev_elements,
    render,
    render_new_flow_table,
    render_removal,
    render_update,
)
from gateway.kernel.snapshot import Examined, Offload, Owner, Snapshot, boot_guard_snapshot
from tests.kernel.home import NO_FLOW_TABLES, NOT_IN_HARDWARE, Namespace
from tests.kernel.snapshots import FAMILY, ONE_CHILD, SNAPSHOTS

GOLDEN = Path(__file__).parents[2] / "golden"
PARTS = {
    **{f"{name}.nft": render(snapshot) for name, snapshot in SNAPSHOTS.items()},
    "update-child-to-family.nft": render_update(replace(ONE_CHILD, lan=FAMILY.lan), FAMILY),
    "update-offload-on.nft": render_update(ONE_CHILD, SNAPSHOTS["offload"]),
    "update-offload-devices.nft": render_update(
        SNAPSHOTS["offload"], replace(SNAPSHOTS["offload"], offload=Offload(("wan",)))
    ),
    "update-offload-anew.nft": render_new_flow_table(SNAPSHOTS["offload"]),
    "update-offload-off.nft": render_update(SNAPSHOTS["offload"], ONE_CHILD),
    "bridge.nft": render_bridges(
        [
            GuardedBridge(("lan1", "wlan0"), (bytes((192, 168, 1, 1)), bytes.fromhex(f"fe80{'00' * 13}01"))),
            GuardedBridge(("wlan1",), (bytes((192, 168, 2, 1)),)),
        ],
        [bytes.fromhex("020000000001")],
    ),
}
QUEUE = re.compile(r"queue (flags bypass )?to \d+")
IN_HARDWARE = "offload-hardware"
each_snapshot = pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)


@pytest.mark.parametrize("name", PARTS)
def test_text_is_the_golden_one(name: str) -> None:
    path = GOLDEN / name
    if os.environ.get("QALQAN_GOLDEN") == "write":
        path.write_text(PARTS[name], "ascii")
    assert PARTS[name] == path.read_text("ascii")


@each_snapshot
def test_marks_change_by_constants_within_our_masks(snapshot: Snapshot) -> None:
    """Anything else fails to load before Linux 6.18, or touches bits of others."""
    layout = snapshot.layout
    statements = re.findall(r"(meta|ct) mark set (\w+) mark ([&|]) (\S+)", render(snapshot))
    assert len(statements) == render(snapshot).count(" mark set ")
    for target, source, operator, constant in statements:
        assert target == source
        assert re.fullmatch(r"0x[0-9a-f]{8}", constant)
        ours = layout.packet if target == "meta" else layout.ct_ours
        touched = int(constant, 16) if operator == "|" else int(constant, 16) ^ MARK_MASK
        assert touched & ~ours == 0


@each_snapshot
def test_queues_are_closed_unless_the_daemon_lives(snapshot: Snapshot) -> None:
    """Fail-open queues have the bypass and lie behind @alive, fail-closed ones have neither."""
    bodies = re.findall(r"chain (open|closed)(\d) \{\n(.*?)\n  \}", render(snapshot), re.DOTALL)
    for mode, group, body in bodies:
        numbers = [int(number) - snapshot.queue_base for number in re.findall(r"queue(?: .*to )?(\d+)", body)]
        first = 6 * int(group)
        assert numbers == [first + kind for kind in ((4, 4, 0, 1) if mode == "open" else (5, 5, 2, 3))]
        assert body.count("flags bypass") == (4 if mode == "open" and snapshot.native else 0)
        assert body.strip().startswith("meta nfproto != @alive goto apply_verdict") == (mode == "open")
    assert bool(bodies) == bool(snapshot.asked)


def test_hooks_and_priorities_never_depend_on_the_snapshot() -> None:
    hooks = {tuple(re.findall(r"type \w+ hook .*", render(snapshot))) for snapshot in SNAPSHOTS.values()}
    assert len(hooks) == 1


def test_examined_devices_have_another_chain_than_unknown_ones() -> None:
    examined = Examined(("02:00:00:00:00:99",), None, (("br-guest", 254),))
    turned = replace(FAMILY, examined=examined)
    assert set(dev_elements(turned)) - set(dev_elements(FAMILY)) == {"02:00:00:00:00:99 : goto examined"}
    (rules,) = re.findall(r"chain examined \{\n(.*?)\n  \}", render(turned), re.DOTALL)
    assert rules.split("\n") == ['    iifname vmap { "br-guest" : goto slot254 }', "    goto plain"]
    assert "chain examined" not in render(FAMILY)


def test_order_of_devices_does_not_matter() -> None:
    turned = replace(
        FAMILY,
        passes=tuple(reversed(FAMILY.passes)),
        plain=tuple(reversed(FAMILY.plain)),
        owners=tuple(reversed(FAMILY.owners)),
    )
    assert render(turned) == render(FAMILY)


@each_snapshot
def test_the_gateways_door_costs_an_unfiltered_device_one_comparison(snapshot: Snapshot) -> None:
    hook, first, *_ = re.findall(r"chain questions \{\n(.*?)\n  \}", render(snapshot), re.DOTALL)[
        0
    ].splitlines()
    assert "hook input" in hook
    assert (
        first.strip() == f"ct mark & 0x{snapshot.layout.ct_ours:08x} == 0x{snapshot.layout.plain:08x} accept"
    )


def test_nobody_is_kept_out_where_the_family_says_so() -> None:
    assert "chain kept" in render(FAMILY)
    assert "chain kept" not in render(replace(FAMILY, door_ports=None))


def test_devices_without_a_slot_are_offloaded_alone() -> None:
    text = render(SNAPSHOTS["offload"])
    assert "ct mark & 0x00ff00ff == 0x00c00001 goto unfiltered" in text
    assert text.count("flow add @ft") == 1
    assert "flow add" not in render(ONE_CHILD)


@pytest.mark.lab
@pytest.mark.parametrize("name", [name for name in SNAPSHOTS if name != IN_HARDWARE])
def test_kernel_takes_it_and_gives_it_up(name: str) -> None:
    """On a kernel without ``queue``, everything but that statement is tried."""
    snapshot = SNAPSHOTS[name]
    namespace = Namespace()
    namespace.ip("link add lan0 type veth peer name wan")
    with namespace.inside():
        nft = Nft()
        text = render(snapshot)
        if not native_queue(nft):
            text = QUEUE.sub("accept", text)
        if snapshot.offload is not None:
            skip_without_flow_tables(nft)
        for _ in range(2):
            nft.apply(text)
            assert nft.exists("inet qalqan")
        for _ in range(2):
            nft.apply(render_removal())
            assert not nft.exists("inet qalqan")
        nft.close()
    namespace.close()


def skip_without_flow_tables(nft: Nft) -> None:
    if not has_flow_tables(nft):
        pytest.skip("this kernel has no flow tables")


@pytest.mark.lab
def test_hardware_offloading_is_refused_for_the_devices_alone() -> None:
    """No test machine has a driver that accepts it. A mistake in the text would get another error."""
    namespace = Namespace()
    namespace.ip("link add lan0 type veth peer name wan")
    text, in_software = render(SNAPSHOTS[IN_HARDWARE]), render(SNAPSHOTS["offload"])
    assert text.replace("    flags offload;\n", "") == in_software
    with namespace.inside():
        nft = Nft()
        if not native_queue(nft):
            text = QUEUE.sub("accept", text)
        with pytest.raises(KernelError, match=NOT_IN_HARDWARE if has_flow_tables(nft) else NO_FLOW_TABLES):
            nft.check(text)
        nft.close()
    namespace.close()


@pytest.mark.parametrize(
    ("owners", "says"),
    [
        ((Owner("br-two", "192.168.1.10", 1),), "br-two is not in lan"),
        ((Owner("br-lan", "192.168.1.10", 9),), "slot 9 is no slot"),
        ((Owner("br-lan", "fe80::1", 1), Owner("br-lan", "fe80::1", 2)), "two owners"),
        ((Owner("br-lan", "fe80::1%3", 1),), "no IP address"),
    ],
)
def test_an_owner_that_cannot_be_is_refused(owners: tuple[Owner, ...], says: str) -> None:
    with pytest.raises(KernelError, match=says):
        replace(FAMILY, owners=owners)


def test_a_boot_guard_knows_no_addresses() -> None:
    """They may be others' after a start."""
    assert boot_guard_snapshot(FAMILY).owners == ()


def test_a_boot_guard_is_one_text_whatever_the_kernel_has() -> None:
    """No queue, no flow table, no verdict: what it needs is in every kernel that has nftables."""
    text = render(boot_guard_snapshot(FAMILY))
    assert text == render(
        boot_guard_snapshot(replace(FAMILY, native=False, offload=Offload(("lan0", "wan"))))
    )
    assert re.search(r"\b(queue|flowtable|flow|destroy|judged|copy_verdict)\b", text) is None
    named, made = set(re.findall(r"\b(?:goto|jump) (\w+)", text)), set(re.findall(r"chain (\w+)", text))
    assert named <= made
    reached = named | {name for name in made if f"chain {name} {{\n    type " in text}
    assert made == reached
