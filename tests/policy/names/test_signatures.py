"""Patterns for the first bytes of a client: how they are written, and what they match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.policy.names.signatures import Signature, SignatureIndex, read_signature
from gateway.policy.yaml.documents import parse_document

DISCOVERY = '{proto: udp, bytes: "00 01 00 46", length: 74}'


def signature(text: str) -> Signature:
    return read_signature(parse_document(text, "f"))


def test_a_pattern_with_a_length() -> None:
    known = signature(DISCOVERY)
    assert known.matches(bytes.fromhex("00010046") + bytes(70), 50_000)
    assert not known.matches(bytes.fromhex("00010046") + bytes(69), 50_000)
    assert not known.matches(bytes.fromhex("00020046") + bytes(70), 50_000)
    assert not known.matches(b"", 50_000)


def test_free_half_bytes_offset_and_ports() -> None:
    known = signature('{proto: tcp, at: 2, bytes: "57 41 0. .. ff", ports: [5222, "443-444"]}')
    assert known.matches(b"xyWA\x0f\x00\xff", 5222)
    assert known.matches(b"xyWA\x00\x99\xffmore", 444)
    assert not known.matches(b"xyWA\x10\x00\xff", 5222)
    assert not known.matches(b"xyWA\x0f\x00\xff", 445)
    assert not known.matches(b"WA\x0f\x00\xff", 5222)
    assert not known.matches(b"xyWA\x0f\x00", 5222)


def test_a_range_of_lengths() -> None:
    known = signature('{proto: udp, bytes: "01 02 03", length: "4-5"}')
    found = [known.matches(b"\x01\x02\x03" + bytes(more), 1) for more in range(4)]
    assert found == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{proto: icmp, bytes: "01 02 03"}', "'icmp' is not known here"),
        ('{bytes: "01 02 03"}', "has no 'proto'"),
        ("{proto: udp}", "has no 'bytes'"),
        ('{proto: udp, bytes: "01 02"}', "fixes 16 bits"),
        ('{proto: udp, bytes: ".1 .2 .3 .4 .5"}', "fixes 20 bits"),
        ('{proto: udp, bytes: "010203"}', "is no pattern"),
        ('{proto: udp, bytes: "01 0g 03"}', "is no pattern"),
        ('{proto: udp, bytes: "01 02 03+"}', "is no pattern"),
        ('{proto: udp, bytes: "' + "00 " * 65 + '"}', "is no pattern of at most 64 bytes"),
        ('{proto: udp, bytes: "01 02 03", at: 256}', "is not a number from 0 to 255"),
        ('{proto: udp, bytes: "01 02 03", length: 2}', "is no length from 3"),
        ('{proto: udp, bytes: "01 02 03", at: 8, length: "10-20"}', "is no length from 11"),
        ('{proto: udp, bytes: "01 02 03", length: "9-8"}', "is no length"),
        ('{proto: tcp, bytes: "01 02 03", length: 74}', "a TCP stream has none"),
        ('{proto: udp, bytes: "01 02 03", ports: [0]}', "is no port or range"),
        ('{proto: udp, bytes: "01 02 03", regex: x}', "is not a known key"),
    ],
)
def test_what_is_no_signature(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(says)):
        signature(text)


def test_an_index_finds_all_services_of_a_protocol() -> None:
    index = SignatureIndex(
        [
            ("first", [signature('{proto: udp, bytes: "01 02 03"}')]),
            ("second", [signature('{proto: udp, bytes: "01 02 03 .."}'), signature(DISCOVERY)]),
            ("third", [signature('{proto: tcp, bytes: "01 02 03"}')]),
        ]
    )
    assert index.find("udp", b"\x01\x02\x03", 1) == ("first",)
    assert index.find("udp", b"\x01\x02\x03\x04", 1) == ("first", "second")
    assert index.find("tcp", b"\x01\x02\x03\x04", 1) == ("third",)
    assert index.find("tcp", b"", 1) == ()
    assert SignatureIndex([]).find("udp", b"\x01\x02\x03", 1) == ()


@given(st.text())
@settings(deadline=None)
def test_any_text_gives_policyerror(text: str) -> None:
    with pytest.raises(PolicyError, match="f:"):
        signature(text)
