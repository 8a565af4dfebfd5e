"""Changes of a loaded table: what they leave, and that the kernel ends where a fresh load would have."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.kernel.fallback import native_queue
from gateway.kernel.marks import MarkLayout
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.packet_rates import RATES
from gateway.kernel.ruleset.table import (
    needs_rebuild,
    render,
    render_alive,
    render_in_place,
    render_owners,
    render_passes,
    render_repair,
    render_reset_rates,
    render_update,
)
from gateway.kernel.snapshot import Offload, Owner, PassElement, Slot, boot_guard_snapshot
from tests.kernel.home import Namespace
from tests.kernel.snapshots import EMPTY, FAMILY, ONE_CHILD, SNAPSHOTS

HOMES = ["empty", "one-child", "family"]


def test_unchanged_snapshot_touches_no_element_but_the_devices() -> None:
    text = render_update(FAMILY, FAMILY)
    assert "element" not in text.replace("elements = {", "")
    flushed = [f"flush map inet qalqan {name}" for name in ("dev", "owner4", "owner6")]
    assert re.findall(r"^flush (?!chain).*", text, re.MULTILINE) == flushed
    assert "map pass" not in text


def test_only_what_differs_is_added_and_destroyed() -> None:
    new = replace(
        ONE_CHILD,
        passes=(PassElement(1, 2),),
        help4=("192.0.2.17", "192.0.2.18"),
        help_ports=(("tcp", 443),),
    )
    elements = [line for line in render_update(ONE_CHILD, new).splitlines() if " element " in line]
    assert elements == [
        "destroy element inet qalqan help4 { 192.0.2.16 }",
        "add element inet qalqan help4 { 192.0.2.18 }",
        "destroy element inet qalqan helpports { tcp . 80, udp . 443, udp . 4500, udp . 500 }",
        "destroy element inet qalqan pass { 0x00010005, 0x00010007 }",
        "add element inet qalqan pass { 0x00010009 : accept, 0x0001000b : accept }",
    ]


def test_chains_of_gone_slots_are_deleted() -> None:
    text = render_update(
        FAMILY,
        replace(
            FAMILY, slots=FAMILY.slots[:1], guest=None, unassigned=(), owners=(), passes=FAMILY.passes[:2]
        ),
    )
    deleted = re.findall(r"delete chain inet qalqan (\w+)", text)
    assert deleted == ["slot2", "slot3", "slot66", "slot254", "slot255", "open0", "open1", "closed3"]


def test_renewed_lease_is_destroyed_and_added_in_one_transaction() -> None:
    element = PassElement(1, 1, lease=90)
    assert render_passes(ONE_CHILD, removed=[element], added=[element]) == (
        "destroy element inet qalqan pass { 0x00010005, 0x00010007 }\n"
        "add element inet qalqan pass { 0x00010005 timeout 90s : accept, 0x00010007 timeout 90s : accept }\n"
    )


@pytest.mark.parametrize(
    "change",
    [{"native": False}, {"layout": MarkLayout(packet=0xFF00)}, {"alone": True}],
)
def test_what_an_update_cannot_change_is_refused(change: dict[str, Any]) -> None:
    new = replace(ONE_CHILD, **change)
    assert needs_rebuild(ONE_CHILD, new)
    with pytest.raises(ValueError, match="must be rebuilt"):
        render_update(ONE_CHILD, new)
    assert not needs_rebuild(ONE_CHILD, FAMILY)


OFFLOADING = SNAPSHOTS["offload"]


def test_another_device_of_the_flow_table_leaves_counters_alone() -> None:
    text = render_update(OFFLOADING, replace(OFFLOADING, offload=Offload(("wan",))))
    assert "map pass" not in text
    gone, made = text.index("destroy flowtable inet qalqan ft\n"), text.index("flowtable ft {")
    assert text.index("flush chain inet qalqan unfiltered\n") < gone < made
    assert 'devices = { "wan" };' in text


def test_the_flow_table_comes_and_goes_with_its_rule() -> None:
    come, go = render_update(ONE_CHILD, OFFLOADING), render_update(OFFLOADING, ONE_CHILD)
    assert "destroy flowtable" not in come
    assert come.count("flowtable ft {") == come.count("flow add @ft") == 1
    assert "destroy flowtable" in go
    assert "flow add" not in go
    assert "flowtable" not in render_update(OFFLOADING, replace(OFFLOADING, passes=()))


class Table:
    """The table in a namespace of its own; the queue statement is left out where the kernel has none."""

    def __init__(self) -> None:
        self._namespace = Namespace()
        with self._namespace.inside():
            self._nft = Nft()
            self._native = native_queue(self._nft)

    def apply(self, text: str) -> None:
        if not self._native:
            text = re.sub(r"queue (flags bypass )?to \d+", "accept", text)
        with self._namespace.inside():
            self._nft.apply(text)

    def listing(self) -> list[str]:
        """What is loaded, but for what passes by itself and the order of elements and chains."""
        with self._namespace.inside():
            objects = self._nft.list("list ruleset")
        return sorted(re.sub(r"'(handle|expires)': \d+,? ?", "", str(tidied(each))) for each in objects)

    def chains(self) -> tuple[str, ...]:
        with self._namespace.inside():
            return self._nft.chains("inet", "qalqan")

    def counters(self) -> dict[int, int]:
        with self._namespace.inside():
            found = self._nft.list("list map inet qalqan pass")[0]["map"].get("elem", [])
        return {each[0]["elem"]["val"]: each[0]["elem"]["counter"]["packets"] for each in found}

    def marks(self, name: str) -> set[int]:
        with self._namespace.inside():
            found = self._nft.list(f"list set inet qalqan {name}")[0]["set"].get("elem", [])
        return {each["elem"]["val"] for each in found}

    def alive(self) -> dict[str, int]:
        with self._namespace.inside():
            found = self._nft.list("list set inet qalqan alive")[0]["set"].get("elem", [])
        return {each["elem"]["val"]: each["elem"]["timeout"] for each in found}

    def close(self) -> None:
        self._nft.close()
        self._namespace.close()


def tidied(value: Any) -> Any:
    """Element lists sorted; a chain's rules are listed in their order anyhow."""
    if isinstance(value, dict):
        unordered = {key for key in ("elem", "set") if isinstance(value.get(key), list)}
        return {key: sorted(map(str, v)) if key in unordered else tidied(v) for key, v in value.items()}
    return [tidied(each) for each in value] if isinstance(value, list) else value


@pytest.fixture
def table() -> Iterator[Table]:
    made = Table()
    yield made
    made.close()


@pytest.mark.lab
@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(HOMES, 2)))
def test_update_ends_where_a_fresh_load_ends(table: Table, before: str, after: str) -> None:
    old, new = SNAPSHOTS[before], SNAPSHOTS[after]
    table.apply(render(new))
    fresh = table.listing()
    table.apply(render(old))
    table.apply(render_update(old, new))
    assert table.listing() == fresh


@pytest.mark.lab
@pytest.mark.parametrize(("before", "after"), list(itertools.product([*HOMES, "guard"], HOMES)))
def test_a_table_refilled_in_place_is_as_a_fresh_one(table: Table, before: str, after: str) -> None:
    new = SNAPSHOTS[after]
    table.apply(render(new) + render_alive())
    fresh = table.listing()
    table.apply(
        render(boot_guard_snapshot(FAMILY) if before == "guard" else SNAPSHOTS[before]) + render_alive()
    )
    table.apply("add element inet qalqan pass { 0x000300fd counter packets 7 bytes 70 : accept }\n")
    table.apply("add element inet qalqan shut4 { 192.0.2.1 . 192.0.2.2 . 47 }\n")
    table.apply(render_in_place(new, table.chains()) + render_alive())
    assert table.listing() == fresh


@pytest.mark.lab
@pytest.mark.parametrize(
    "damage",
    [
        "flush chain inet qalqan forward",
        "add rule inet qalqan judged accept",
        "delete element inet qalqan dev { 02:00:00:00:00:0a }",
        "add element inet qalqan dev { 02:00:00:00:00:0f : goto plain }",
        "delete element inet qalqan owner4 { br-lan . 192.168.1.10 }",
        "add element inet qalqan owner6 { br-lan . 2001:db8::aa : goto slot1 }",
        "delete element inet qalqan help4 { 192.0.2.16 }",
        "add element inet qalqan help4 { 203.0.113.1 }",
        "flush map inet qalqan pass",
        "add element inet qalqan pass { 0x000300fd : accept }",
        "flush table inet qalqan",
        "flush table inet qalqan; delete chain inet qalqan cut; delete map inet qalqan pass",
        "delete table inet qalqan",
    ],
)
def test_mend_puts_back_what_something_else_changed(table: Table, damage: str) -> None:
    table.apply(render(FAMILY))
    whole = table.listing()
    table.apply(damage)
    assert table.listing() != whole
    table.apply(render_repair(FAMILY, unmatched=[0x000300FD]))
    assert table.listing() == whole


@pytest.mark.lab
def test_owners_alone_change_by_difference(table: Table) -> None:
    moved = (*FAMILY.owners[2:], Owner("br-guest", "192.168.1.10", 255), Owner("br-lan", "192.168.1.10", 3))
    new = replace(FAMILY, owners=moved)
    table.apply(render(new))
    fresh = table.listing()
    table.apply(render(FAMILY))
    text = render_owners(FAMILY, new)
    table.apply(text)
    assert table.listing() == fresh
    assert "2001:db8::1a" not in text, "what stays is not touched"
    assert render_owners(new, new) == ""


@pytest.mark.lab
def test_mend_keeps_counters(table: Table) -> None:
    snapshot = replace(EMPTY, slots=(Slot(1, (), True),), passes=(PassElement(1, 1),))
    table.apply(render(replace(snapshot, passes=())))
    table.apply("add element inet qalqan pass { 0x00010005 counter packets 7 bytes 70 : accept }")
    table.apply(render_repair(snapshot))
    assert table.counters() == {0x10005: 7, 0x10007: 0}


@pytest.mark.lab
def test_counters_of_classes_that_stay_are_kept(table: Table) -> None:
    snapshot = replace(EMPTY, slots=(Slot(1, (), True),), passes=(PassElement(1, 1), PassElement(1, 2)))
    table.apply(render(snapshot))
    table.apply(
        "delete element inet qalqan pass { 0x00010005, 0x00010009 }\n"
        "add element inet qalqan pass { 0x00010005 counter packets 7 bytes 70 : accept,"
        " 0x00010009 counter packets 8 bytes 80 : accept }\n"
    )
    new = replace(snapshot, passes=(PassElement(1, 1), PassElement(1, 2, lease=60)), lan=("br-lan", "br-two"))
    table.apply(render_update(snapshot, new))
    assert table.counters() == {0x10005: 7, 0x10007: 0, 0x10009: 0, 0x1000B: 0}


@pytest.mark.lab
def test_sign_of_life_is_prolonged(table: Table) -> None:
    table.apply(render(EMPTY))
    table.apply(render_alive(1))
    table.apply(render_alive(3))
    assert table.alive() == {"ipv4": 3, "ipv6": 3}


@pytest.mark.lab
def test_the_rates_of_a_slot_are_forgotten_and_no_other_s(table: Table) -> None:
    table.apply(render(FAMILY))
    first, second = (FAMILY.layout.ct_mark(one.number) for one in FAMILY.slots[:2])
    limit = "limit rate over 400/second burst 800 packets"
    for name in RATES:
        for mark in (first, second):
            table.apply(f"add element inet qalqan {name} {{ {mark:#x} timeout 1m {limit} }}\n")
    for _ in range(2):
        table.apply(render_reset_rates(FAMILY, FAMILY.slots[0].number))
    for name in RATES:
        assert table.marks(name) == {second}
