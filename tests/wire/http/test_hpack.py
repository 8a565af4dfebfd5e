"""HPACK (RFC 7541), checked against the package ``hpack``."""

from __future__ import annotations

import random

import hpack
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.http.hpack import MAX_FIELDS, MAX_TABLE, HpackDecoder, decode_huffman

NAMES = st.sampled_from([b":authority", b":path", b"host", b"cookie", b"x-own"]) | st.binary(max_size=40)
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=200)), max_size=20)


def encoded(encoder: hpack.Encoder, fields: list[tuple[bytes, bytes]], *, huffman: bool) -> bytes:
    return bytes(encoder.encode(fields, huffman=huffman))


@given(st.lists(st.tuples(FIELDS, st.booleans(), st.integers(0, MAX_TABLE)), max_size=6))
def test_blocks_are_decoded_as_by_the_package(
    blocks: list[tuple[list[tuple[bytes, bytes]], bool, int]],
) -> None:
    encoder, ours, theirs = hpack.Encoder(), HpackDecoder(), hpack.Decoder()
    theirs.max_allowed_table_size = MAX_TABLE
    for fields, huffman, size in blocks:
        encoder.header_table_size = size
        block = encoded(encoder, fields, huffman=huffman)
        assert ours.decode(block) == [tuple(field) for field in theirs.decode(block, raw=True)] == fields


@given(st.binary(max_size=400))
def test_any_bytes_are_decoded_or_refused_as_by_the_package(block: bytes) -> None:
    theirs = hpack.Decoder(max_header_list_size=1 << 30)
    theirs.max_allowed_table_size = MAX_TABLE
    try:
        expected = [tuple(field) for field in theirs.decode(block, raw=True)]
    except hpack.HPACKError:
        expected = None
    try:
        found = HpackDecoder().decode(block)
    except WireError:
        found = None
    if found is not None:
        assert found == expected
    elif expected is not None:
        assert len(expected) > MAX_FIELDS


@given(st.binary(max_size=600))
def test_huffman_strings_of_any_bytes(data: bytes) -> None:
    encoder = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
    assert decode_huffman(encoder.encode(data)) == data


@pytest.mark.parametrize("data", ["ff", "ffffffff", "1fff", "0000", "fffffffa"])
def test_wrong_padding_and_the_end_of_a_string(data: str) -> None:
    with pytest.raises(WireError):
        decode_huffman(bytes.fromhex(data))


@pytest.mark.parametrize(
    "block", ["80", "be", "ff", "ffffffffffffff7f", "40", "4083", "8220", "3fe1ff03", "0085ffffffff", "7f"]
)
def test_invalid_blocks(block: str) -> None:
    with pytest.raises(WireError):
        HpackDecoder().decode(bytes.fromhex(block))


def test_the_limits() -> None:
    with pytest.raises(WireError, match="fields"):
        HpackDecoder().decode(b"\x82" * (MAX_FIELDS + 1))
    decoder = HpackDecoder()
    for number in range(200):
        decoder.decode(b"\x40\x01a\x7f\x81\x01" + number.to_bytes(1, "big") * 256)
    assert decoder.size <= 4096
    decoder.decode(b"\x20")  # a table of no bytes
    assert decoder.size == 0
    assert decoder.work > 200 * 256 // 8


def test_each_prefix_of_a_block_is_refused_or_shorter() -> None:
    fields = [(b":authority", b"www.example.org"), (b"cookie", random.Random(1).randbytes(90))]
    block = encoded(hpack.Encoder(), fields, huffman=True)
    for size in range(len(block)):
        try:
            found = HpackDecoder().decode(block[:size])
        except WireError:
            continue
        assert found == fields[: len(found)]
