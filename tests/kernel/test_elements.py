"""Both ways to read elements tell the same: of a kernel's real dumps, and of whatever else may come."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.netlink import attribute
from gateway.kernel.netlink import BE64, NESTED, Netlink
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.table import render
from gateway.kernel.snapshot import PassElement, Slot, Snapshot
from gateway.kernel.usage import Shapes, of_set, parse_elements
from tests.kernel.home import Namespace

DUMP = attribute(1, b"qalqan\0") + attribute(2, b"pass\0")


def element(key: int, packets: int, size: int, lease: int | None, *, listed: bool, padded: bool) -> bytes:
    """As kernels write it; ``listed``: as those do that allow several expressions, ``padded``: as those
    that align 64-bit values.
    """
    pad = attribute(3, b"") if padded else b""
    counter = pad + attribute(1, BE64.pack(size)) + pad + attribute(2, BE64.pack(packets))
    expression = attribute(1, b"counter\0") + attribute(2 | NESTED, counter)
    held = attribute(11 | NESTED, attribute(1 | NESTED, expression)) if listed else attribute(7, expression)
    key_ = attribute(1 | NESTED, attribute(1, key.to_bytes(4, "little")))
    verdict = attribute(2, attribute(2, attribute(1, b"\0\0\0\1")))
    leases = b"" if lease is None else attribute(4, BE64.pack(90_000)) + pad + attribute(5, BE64.pack(lease))
    return attribute(1 | NESTED, key_ + verdict + held + leases)


numbers = st.integers(0, 2**64 - 1)
elements = st.builds(
    element,
    st.integers(0, 2**32 - 1),
    numbers,
    numbers,
    st.none() | st.integers(0, 90_000),
    listed=st.booleans(),
    padded=st.booleans(),
)


@given(st.lists(elements, max_size=12), st.lists(elements, max_size=12))
def test_both_ways_agree_on_every_shape(one: list[bytes], other: list[bytes]) -> None:
    shapes = Shapes()
    for listed in (memoryview(b"".join(one)), memoryview(b"".join(other))):
        general = list(parse_elements(listed))
        assert shapes.read(listed) == general
        counted: dict[bytes, int] = {}
        shapes.count(listed, counted)
        assert counted == {key: size for key, _, size, _ in general}


@given(st.lists(elements, min_size=1, max_size=6), st.data())
def test_both_ways_agree_on_spoilt_bytes(one: list[bytes], data: st.DataObject) -> None:
    shapes = Shapes()
    whole = b"".join(one)
    shapes.read(memoryview(whole))
    spoilt = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    cut = memoryview(bytes(spoilt))[: data.draw(st.integers(0, len(spoilt)))]
    assert shapes.read(cut) == list(parse_elements(cut))


@pytest.mark.lab
def test_both_ways_agree_on_a_kernels_dump(namespace: Namespace) -> None:
    slots = tuple(Slot(number, (), closed=bool(number % 2)) for number in range(1, 21))
    passes = tuple(
        PassElement(slot.number, number, 90 if slot.closed else None)
        for slot in slots
        for number in range(1, 64)
    )
    nft = Nft()
    nft.apply(render(replace(Snapshot(lan=("br-lan",), native=False), slots=slots, passes=passes)))
    nft.apply("add element inet qalqan pass { 0x00ff0005 counter packets 3 bytes 5000000000 : accept }")
    netlink = Netlink()
    shapes = Shapes()
    seen = 0
    for message in netlink.dump(0xA0D, 1, DUMP):
        listed = of_set(message)
        general = list(parse_elements(listed))
        assert shapes.read(listed) == general
        counted: dict[bytes, int] = {}
        shapes.count(listed, counted)
        assert counted == {key: size for key, _, size, _ in general}
        seen += len(general)
    assert seen == 2 * len(passes) + 1
    netlink.close()
    nft.close()
