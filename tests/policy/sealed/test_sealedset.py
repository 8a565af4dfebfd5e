"""Sealed lists: the format by its page alone, names and what is below them, and bytes that are no set."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ListError
from gateway.policy.sealed.sealed_set import (
    ENTRY_BYTES,
    HEAD,
    MAX_ENTRIES,
    MAX_LABELS,
    SIGNATURE_BYTES,
    Hasher,
    SealedSets,
    SetHead,
    parse_set,
    unsigned_set,
)
from tests.sealing import DAY, MADE, Issuer

ISSUER = Issuer()
SET = ISSUER.make()
KEY = bytes(range(32))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_the_hash_is_hmac_sha_256(key: bytes, data: bytes) -> None:
    assert Hasher(key).digest(data) == hmac.digest(key, data, "sha256")


def test_a_set_is_read_by_its_page_alone() -> None:
    """docs/providers/sealed-lists.md, with nothing of ours."""
    data, at = SET.data, 56
    magic, version, issuer, scope, zero = struct.unpack_from(">8sBBBB", data)
    made, expires = struct.unpack_from(">QQ", data, 28)
    check, count = struct.unpack_from(">8sI", data, 44)
    assert (magic, version, zero) == (b"QALQSEAL", 1, 0)
    assert data[at : at + issuer].decode() == "Test hotline"
    assert data[at + issuer : at + issuer + scope].decode() == "the tests"
    assert (made, expires, count) == (MADE, MADE + 7 * DAY, 2)
    assert check == hmac.digest(SET.key, b"qalqan sealed set, check of the key", "sha256")[:8]
    start = at + issuer + scope
    entries = [data[start + 10 * one : start + 10 * one + 10] for one in range(count)]
    names = (b"sealed-marker.invalid", b"deep.sealed-other.invalid")
    assert entries == sorted(hmac.new(SET.key, one, hashlib.sha256).digest()[:10] for one in names)
    ISSUER.signing.public_key().verify(data[-64:], data[:-64])
    assert len(data) == start + 10 * count + 64


@pytest.mark.parametrize(
    ("host", "held"),
    [
        ("sealed-marker.invalid", True),
        ("www.sealed-marker.invalid", True),
        ("a.b.c.d.sealed-marker.invalid", True),
        (".".join("a" * 60) + ".sealed-marker.invalid", True),
        ("deep.sealed-other.invalid", True),
        ("x.deep.sealed-other.invalid", True),
        ("sealed-other.invalid", False),  # the parent of an entry
        ("shallow.sealed-other.invalid", False),
        ("notsealed-marker.invalid", False),  # whole labels
        ("invalid", False),
        ("innocent.invalid", False),
    ],
)
def test_a_name_stands_for_itself_and_all_below(host: str, held: bool) -> None:
    assert SET.opened.holds(host) is held
    assert SealedSets((Issuer().make(["other.invalid"]).opened, SET.opened)).holds(host) is held
    assert not SealedSets().holds(host)


def test_the_longest_entry_is_found_and_a_long_name_costs_no_more() -> None:
    longest = ".".join(["a"] * (MAX_LABELS - 1)) + ".invalid"
    made = ISSUER.make([longest]).opened
    assert made.holds(longest)
    assert made.holds("x." * 100 + longest)
    asked: list[str] = []

    class Counting(type(made)):  # type: ignore[misc]
        __slots__ = ()

        def has(self, name: str) -> bool:
            asked.append(name)
            return super().has(name)  # type: ignore[no-any-return]

    Counting(made.head, made._entries, made._hasher).holds("x." * 100 + longest)
    assert len(asked) == MAX_LABELS - 1


def test_no_name_can_be_read_in_a_set() -> None:
    assert b"marker" not in SET.data
    assert SET.opened.holds("sealed-marker.invalid")
    assert ISSUER.make().key != SET.key
    assert ISSUER.make().data[:-64][-20:] != SET.data[:-64][-20:]  # the same names, another key


def test_another_sets_key_is_noticed() -> None:
    with pytest.raises(ListError, match="has another key"):
        parse_set(SET.data).opened(ISSUER.make().key)
    with pytest.raises(ListError, match="has another key"):
        parse_set(SET.data).opened(b"")


@pytest.mark.parametrize("cut", [0, 1, 8, 55, 56, 60, len(SET.data) - 65, len(SET.data) - 1])
def test_a_part_of_a_set_is_none(cut: int) -> None:
    with pytest.raises(ListError):
        parse_set(SET.data[:cut])
    with pytest.raises(ListError):
        parse_set(SET.data + bytes(cut or 1))


def _changed(at: int, byte: int) -> bytes:
    return SET.data[:at] + bytes([byte]) + SET.data[at + 1 :]


START = HEAD.size + len("Test hotline") + len("the tests")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_changed(0, 0), "is none at all"),
        (_changed(8, 2), "another version"),
        (_changed(11, 1), "another version"),
        (_changed(9, 0), "belong"),
        (_changed(28, 1), "no time in which it holds"),  # made, thousands of years from now
        (_changed(38, 255), "no time in which it holds"),  # expires
        (_changed(52, 255), "belong"),  # four thousand million entries in 200 bytes
        (_changed(HEAD.size, 0xFF), "is no text"),
        (_changed(HEAD.size, 0x1B), "cannot be shown"),
        (_changed(HEAD.size, 0x20), "cannot be shown"),
        (_changed(START, 0xFF), "out of order"),
        (SET.data[:START] + 2 * SET.data[START : START + 10] + SET.data[START + 20 :], "or one twice"),
    ],
)
def test_what_is_wrong_with_a_set_is_told_without_a_name(data: bytes, said: str) -> None:
    with pytest.raises(ListError, match=said):
        parse_set(data)


@pytest.mark.parametrize(("days", "made"), [(7.01, MADE), (0, MADE), (7, 0)])
def test_no_set_holds_longer_than_seven_days(days: float, made: int) -> None:
    with pytest.raises(ListError, match="no time in which it holds"):
        ISSUER.make(made=made, days=days)


def test_what_no_reader_takes_is_not_made() -> None:
    head = SetHead("x", "y", bytes(16), MADE, MADE + DAY, bytes(8), 0)
    for wrong in (replace(head, issuer="x" * 81), replace(head, scope=""), replace(head, issuer="a\nb")):
        with pytest.raises(ListError):
            unsigned_set(wrong, ["a.invalid"], KEY)
    with pytest.raises(ListError, match=f"more than {MAX_ENTRIES} entries"):
        unsigned_set(head, (f"{one}.invalid" for one in range(MAX_ENTRIES + 1)), KEY)


def test_names_twice_are_one_entry_and_none_is_a_set_too() -> None:
    assert ISSUER.make(["a.invalid", "a.invalid"]).opened.head.count == 1
    empty = ISSUER.make([])
    assert empty.opened.head.count == 0
    assert not empty.opened.holds("a.invalid")


def test_fifty_thousand_names_are_ten_bytes_each_and_all_are_found() -> None:
    names = [f"n{one}.invalid" for one in range(50_000)]
    made = ISSUER.make(names)
    assert len(made.data) == START + 50_000 * ENTRY_BYTES + SIGNATURE_BYTES
    opened = made.opened
    assert all(opened.holds(one) for one in names[::97])
    assert not any(opened.holds(f"m{one}.invalid") for one in range(1000))
