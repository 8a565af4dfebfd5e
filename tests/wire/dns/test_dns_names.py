"""Names in DNS messages: any byte in a label, pointers that only lead back, the text form of dnspython."""

from __future__ import annotations

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.dns.message import (
    HEADER_SIZE,
    MAX_NAME,
    MAX_POINTERS,
    host_labels,
    name_text,
    read_labels,
    split_wire_name,
    wire_name,
)

HEADER = bytes(HEADER_SIZE)
LABELS = st.lists(st.binary(min_size=1, max_size=63), max_size=6).filter(
    lambda labels: sum(len(label) + 1 for label in labels) < MAX_NAME
)


def read(body: bytes, pos: int = 0) -> tuple[list[bytes], int]:
    labels, after = read_labels(HEADER + body, HEADER_SIZE + pos)
    return labels, after - HEADER_SIZE


@given(LABELS)
def test_wire_and_text_agree_with_dnspython(labels: list[bytes]) -> None:
    oracle = dns.name.Name((*labels, b""))
    wire = wire_name(labels)
    assert wire == oracle.to_wire()
    assert read(wire + b"rest") == (labels, len(wire))
    assert split_wire_name(wire) == labels
    assert name_text(labels) == oracle.canonicalize().to_text(omit_final_dot=True)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([], "."),
        ([b"WWW", b"Example", b"com"], "www.example.com"),
        ([b"_dns", b"resolver", b"arpa"], "_dns.resolver.arpa"),
        ([b"a.b", b"com"], "a\\.b.com"),
        ([b"a b\xff", b"com"], "a\\032b\\255.com"),
        ([b"."], "\\."),
        ([b"a+b!", b"x"], "a+b!.x"),
    ],
)
def test_text_keeps_names_apart_that_differ(labels: list[bytes], text: str) -> None:
    assert name_text(labels) == text


@given(LABELS)
def test_a_cut_name_is_refused_at_each_offset(labels: list[bytes]) -> None:
    wire = wire_name(labels)
    for cut in range(len(wire)):
        with pytest.raises(WireError):
            read(wire[:cut])


def test_pointers_are_followed_back() -> None:
    body = b"\x03com\x00" + b"\x07example\xc0\x0c" + b"\x03www\xc0\x11!"
    assert read(body, 15) == ([b"www", b"example", b"com"], 21)
    assert read(b"\x00" + b"\xc0\x0c", 1) == ([], 3)
    for cut in range(15, 21):
        with pytest.raises(WireError):
            read(body[:cut], 15)


@pytest.mark.parametrize(
    ("body", "pos"),
    [
        (b"\xc0\x0c", 0),  # to itself
        (b"\x01a\xc0\x0c", 0),  # to its own beginning
        (b"\xc0\x0e\x00", 0),  # forward
        (b"\xc0\x0e\xc0\x0c", 2),  # to a pointer that leads back here
        (b"\xc0\x00", 0),  # into the header
        (b"\xff\xff", 0),
        (b"\xc0", 0),
        (b"\x40\x00", 0),  # label types that nobody uses
        (b"\x80\x00", 0),
    ],
)
def test_pointers_that_do_not_lead_back_are_refused(body: bytes, pos: int) -> None:
    with pytest.raises(WireError):
        read(body, pos)


@pytest.mark.parametrize("body", [b"\xc0\x0c", b"\x01a\xc0\x0c"])
def test_a_loop_is_refused_at_its_first_pointer(body: bytes) -> None:
    with pytest.raises(WireError, match="compression pointer 1 of"):
        read(body)


def test_a_name_has_at_most_255_octets_however_it_is_put_together() -> None:
    longest = [b"a" * 63] * 3 + [b"b" * 61]
    assert read(wire_name(longest))[0] == longest
    with pytest.raises(WireError, match="255"):
        read(wire_name([b"a" * 63] * 3 + [b"b" * 62]))
    assert read(wire_name(longest[1:]) + b"\x3f" + b"a" * 63 + b"\xc0\x0c", 191)[0] == longest
    with pytest.raises(WireError, match="255"):
        read(wire_name(longest) + b"\x01a\xc0\x0c", 255)


def test_a_chain_of_pointers_is_bounded() -> None:
    targets = [HEADER_SIZE] + [HEADER_SIZE + 1 + 2 * index for index in range(200)]
    chain = b"\x00" + b"".join((0xC000 | target).to_bytes(2, "big") for target in targets)
    assert read(chain, 1 + 2 * (MAX_POINTERS - 1)) == ([], 1 + 2 * MAX_POINTERS)
    with pytest.raises(WireError, match="pointer"):
        read(chain, 1 + 2 * MAX_POINTERS)


@given(st.binary(max_size=80), st.integers(0, 80))
def test_any_bytes_raise_only_wire_errors(body: bytes, pos: int) -> None:
    try:
        labels, after = read(body, pos)
    except WireError:
        return
    assert pos < after <= len(body)
    assert len(wire_name(labels)) <= MAX_NAME


def test_host_labels_takes_host_names_alone() -> None:
    assert host_labels("ForceSafeSearch.google.com.") == [b"forcesafesearch", b"google", b"com"]
    for host in ("", "a..b", "пример.рф", "1.2.3.4"):
        with pytest.raises(WireError):
            host_labels(host)
