"""Names in hellos that no correct client sends, and that some server reads all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.tls.hello import parse_client_hello, read_client_hellos
from gateway.wire.tls.names import names_in_hello
from gateway.wire.tls.records import MAX_HELLO
from tests.wire import tls_forge as forge

NAME = "www.blocked.example"
TWO = ["a.example", "b.example"]


def listed(*entries: tuple[int, bytes]) -> bytes:
    """A server_name extension with names of any type."""
    names = b"".join(bytes([kind]) + forge.counted(name, 2) for kind, name in entries)
    return forge.extension(forge.SERVER_NAME, forge.counted(names, 2))


HELLOS = {
    "an empty ECH": (forge.client_hello(NAME, after=forge.extension(forge.ECH)), [NAME]),
    "an odd ECH": (forge.client_hello(NAME, before=forge.extension(forge.ECH, b"\x07")), [NAME]),
    "an odd ALPN": (forge.client_hello(NAME, protocols=(), after=forge.extension(16, b"\0\x09h")), [NAME]),
    "odd versions": (forge.client_hello(NAME, supported=(), after=forge.extension(43, b"\x03\x03")), [NAME]),
    "over 16 KiB": (forge.client_hello(NAME, padding_before_sni=17_000), [NAME]),
    "a long session id": (forge.client_hello(NAME, session_id=bytes(40)), [NAME]),
    "an extension twice": (forge.client_hello(NAME, after=forge.extension(35)), [NAME]),
    "two of names": (forge.client_hello("a.example", after=forge.server_name(b"b.example")), TWO),
    "a list of two": (forge.client_hello(None, before=forge.server_name(b"a.example", b"b.example")), TWO),
    "a name of type 7 first": (
        forge.client_hello(None, before=listed((7, b"zz"), (0, NAME.encode()))),
        [NAME],
    ),
    "a name of type 7 behind": (
        forge.client_hello(None, before=listed((0, NAME.encode()), (7, b""))),
        [NAME],
    ),
    "a list that is too long": (
        forge.client_hello(None, before=forge.extension(0, b"\0\x99\0" + forge.counted(NAME.encode(), 2))),
        [NAME],
    ),
    "cut extensions": (forge.raw_client_hello(forge.server_name(NAME.encode()) + b"\0\x15\0\x99"), [NAME]),
}  # fmt: skip


@pytest.mark.parametrize("name", HELLOS)
@pytest.mark.parametrize("size", [100, 16_000])
def test_each_name_is_given_with_the_fault(name: str, size: int) -> None:
    message, names = HELLOS[name]
    ((hello, end),) = read_client_hellos(forge.records(message, size))
    assert [hello.sni, *hello.others] == names
    assert hello.fault is Fault.MALFORMED
    assert end == len(forge.records(message, size))
    with pytest.raises(WireError):
        parse_client_hello(message)


@pytest.mark.parametrize("name", HELLOS)
def test_cut_at_any_byte_nothing_is_said(name: str) -> None:
    stream = forge.records(HELLOS[name][0], 16_000)
    for size in range(0, len(stream), 1 if len(stream) < 2000 else 97):
        assert read_client_hellos(stream[:size]) == []


def test_without_a_name_it_is_refused() -> None:
    for message in (
        forge.client_hello(None, after=forge.extension(forge.ECH)),
        forge.client_hello("a..b", after=forge.extension(forge.ECH)),
        forge.client_hello("192.0.2.1", after=forge.extension(forge.ECH)),
    ):
        with pytest.raises(WireError):
            read_client_hellos(forge.record(message))


def test_a_hello_at_the_limit_has_no_fault() -> None:
    size = MAX_HELLO - len(forge.client_hello(NAME)) - 4 + 4
    ((hello, _),) = read_client_hellos(
        forge.records(forge.client_hello(NAME, padding_before_sni=size), 16_000)
    )
    assert hello.fault is None


@given(st.binary(max_size=300))
def test_noise_raises_nothing(noise: bytes) -> None:
    assert isinstance(names_in_hello(noise), list)
    assert isinstance(names_in_hello(forge.client_hello(NAME)[:60] + noise), list)
