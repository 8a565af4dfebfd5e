from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import ListError
from gateway.policy.names import domain_table as domains
from gateway.policy.names.domain_table import DomainTable, bucket_bits, pack_table, verify

SALT = bytes(range(16))
NAMES = {f"n{number}.example{number % 7}.com": {f"c{number % 23}"} for number in range(3000)} | {
    "both.example": {"adult", "gambling"},
    "example.org": {"ads"},
    "www.example.org": {"games"},
    "com": {"never"},
}
PACKED = pack_table(NAMES, salt=SALT, built="2026-11-24T06:00:00Z")


def test_every_name_is_found_with_its_categories() -> None:
    table = DomainTable(PACKED)
    for name, categories in NAMES.items():
        if name.count(".") == 1 or name.startswith("n"):
            assert table.categories(name) == categories, name
    assert len(table) == len(NAMES)


def test_parents_count_and_top_level_names_never_do() -> None:
    table = DomainTable(PACKED)
    assert table.categories("a.b.both.example") == {"adult", "gambling"}
    assert table.categories("x.www.example.org") == {"ads", "games"}
    assert table.categories("other.com") == frozenset()
    assert table.categories("com") == frozenset()
    assert table.categories("notboth.example") == frozenset()
    assert table.matches("x.www.example.org") == (
        ("www.example.org", frozenset({"games"})),
        ("example.org", frozenset({"ads"})),
    )


def test_more_than_sixteen_categories() -> None:
    assert len({one for found in NAMES.values() for one in found}) > 16


def test_names_that_are_in_no_list_are_not_found() -> None:
    table, chance = DomainTable(PACKED), random.Random(1)
    assert not any(table.categories(f"{chance.getrandbits(64):x}.net") for _ in range(20_000))


def test_another_salt_gives_other_keys() -> None:
    assert domains.key_of(b"a.example", SALT, 8) != domains.key_of(b"a.example", SALT[::-1], 8)


@pytest.mark.parametrize(("count", "bits"), [(0, 4), (31, 4), (3000, 7), (2_600_000, 17), (1 << 30, 20)])
def test_a_bucket_holds_sixteen_to_thirty_two_names(count: int, bits: int) -> None:
    assert bucket_bits(count) == bits


def test_what_a_table_says_of_itself() -> None:
    info = verify(PACKED)
    assert (info.built, info.count, info.size) == ("2026-11-24T06:00:00Z", len(NAMES), len(PACKED))


def test_an_empty_table() -> None:
    table = DomainTable(pack_table({}, salt=SALT, built="x"))
    assert table.categories("www.example.com") == frozenset()


def test_close_lets_go_of_the_buffer() -> None:
    buffer = bytearray(PACKED)
    table = DomainTable(buffer)
    table.close()
    buffer.clear()  # fails while a view is held


def test_truncated_anywhere_it_is_refused() -> None:
    for end in [*range(200), *range(200, len(PACKED), 997), len(PACKED) - 1]:
        with pytest.raises(ListError, match="build it again"):
            DomainTable(PACKED[:end])


def test_each_flipped_byte_is_found_by_verify() -> None:
    for at in [*range(64), *range(64, len(PACKED), 499)]:
        damaged = bytearray(PACKED)
        damaged[at] ^= 0x55
        with pytest.raises(ListError, match="category table"):
            verify(damaged)


def test_verify_takes_what_follows_the_head_in_pieces() -> None:
    body = PACKED[domains.HEAD.size :]
    pieces = [body[at : at + 4096] for at in range(0, len(body), 4096)]
    assert verify(PACKED, pieces) == verify(PACKED)
    pieces[-1] = pieces[-1][:-1] + b"x"
    with pytest.raises(ListError, match="does not match its seal"):
        verify(PACKED, pieces)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_damage_makes_a_lookup_fail(data: st.DataObject) -> None:
    damaged = bytearray(PACKED)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        table = DomainTable(damaged)
    except ListError:
        return
    for name in ("n1.example1.com", "a.both.example", "x.www.example.org", "nothing.net"):
        assert isinstance(table.categories(name), frozenset)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(ListError, match="category table"):
        DomainTable(data)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"magic": b"HCDB0001"}, "does not start as a category table does"),
        ({"version": 9}, "has the format version 9"),
        ({"order": 0x04030201}, "another byte order"),
        ({"bits": 31}, "damaged head"),
        ({"count": 0xFFFFFFFF}, "damaged head"),
    ],
)
def test_the_head(change: dict[str, object], says: str) -> None:
    keys = ("magic", "version", "order", "count", "bits", "salt", "json", "seal")
    head = dict(zip(keys, domains.HEAD.unpack_from(PACKED), strict=True)) | change
    with pytest.raises(ListError, match=says):
        DomainTable(domains.HEAD.pack(*head.values()) + PACKED[64:])


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"sets": [1]}',
        b'{"sets": [], "built": 1}',
        b"[" * 50_000,
        b'{"sets": [[1]]}',
    ],
)
def test_the_description(block: bytes) -> None:
    count, bits = 0, 4
    body = bytes(4 * 17) + block
    head = domains.pack_head(
        count=count, bits=bits, salt=SALT, json_length=len(block), digest=domains.digest_of([body])
    )
    with pytest.raises(ListError, match="category table"):
        DomainTable(head + body)
