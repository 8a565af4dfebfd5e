from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.tls.hello import (
    EchOffer,
    ServerHello,
    names_in_hello,
    parse_client_hello,
    parse_server_hello,
    read_client_hellos,
    read_server_hellos,
)
from gateway.wire.tls.records import MAX_HELLO
from tests.wire import tls_forge as forge
from tests.wire.identity import self_signed
from tests.wire.openssl_pair import OpenSslPair

VECTORS = Path(__file__).parents[2] / "vectors"
PUBLIC_NAMES = frozenset({"cloudflare-ech.com"})

NAME = "www.blocked.example"
TWO = ["a.example", "b.example"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(self_signed("www.example.com").pem())
    return path


def test_reads_openssl_hellos(certificate: Path) -> None:
    pair = OpenSslPair(certificate)
    assert pair.agreed == "TLSv1.3"
    ((hello, _),) = read_client_hellos(pair.sent[0])
    assert hello.sni == "www.example.com"
    assert hello.fault is None
    assert hello.alpn == ("h2", "http/1.1")
    assert 0x0304 in hello.versions
    assert hello.ech is None
    assert not hello.esni
    assert read_server_hellos(pair.sent[1]) == [ServerHello(0x0304, hello_retry=False)]


def test_reads_openssl_hellos_of_tls_1_2(certificate: Path) -> None:
    pair = OpenSslPair(certificate, newest=ssl.TLSVersion.TLSv1_2)
    assert pair.agreed == "TLSv1.2"
    ((hello, _),) = read_client_hellos(pair.sent[0])
    assert (hello.sni, hello.versions) == ("www.example.com", (0x0303,))
    assert read_server_hellos(pair.sent[1]) == [ServerHello(0x0303, hello_retry=False)]


def test_reads_both_hellos_about_a_real_hello_retry_request(certificate: Path) -> None:
    pair = OpenSslPair(certificate, server_group="secp521r1")
    assert pair.agreed == "TLSv1.3"
    assert [hello.sni for hello, _ in read_client_hellos(pair.sent[0])] == ["www.example.com"] * 2
    assert read_server_hellos(pair.sent[1]) == [ServerHello(0x0304, True), ServerHello(0x0304, False)]


def test_reads_an_openssl_hello_without_a_name(certificate: Path) -> None:
    ((hello, _),) = read_client_hellos(OpenSslPair(certificate, host=None).sent[0])
    assert (hello.sni, hello.fault) == (None, Fault.NO_NAME)


def test_reads_the_hello_of_chromium() -> None:
    """Chromium 156 with GREASE, a GREASE ECH and an X25519MLKEM768 share."""
    stream = (VECTORS / "chromium_156_client_hello.bin").read_bytes()
    assert len(stream) == 1991
    ((hello, _),) = read_client_hellos(stream)
    assert (hello.sni, hello.fault, hello.alpn) == ("www.blocked.example", None, ("h2", "http/1.1"))
    assert hello.versions[1:] == (0x0304, 0x0303)
    assert hello.ech == EchOffer(False, kdf=1, aead=1, config_id=254, enc_length=32, payload_length=208)
    assert not hello.hides_name(PUBLIC_NAMES)


def test_truncated_at_each_offset_a_real_hello_is_waited_for(certificate: Path) -> None:
    stream = OpenSslPair(certificate).sent[0]
    record = 5 + int.from_bytes(stream[3:5], "big")
    for size in range(record):
        assert read_client_hellos(stream[:size]) == []
        assert parse_client_hello(stream[5:record][: max(size - 5, 0)]) is None
    assert len(read_client_hellos(stream[:record])) == 1


def test_truncated_at_each_offset_a_server_hello_is_waited_for() -> None:
    message = forge.server_hello(share=1120)
    for size in range(len(message)):
        assert parse_server_hello(message[:size]) is None
    assert parse_server_hello(message + b"\x0b") == ServerHello(0x0304, hello_retry=False)


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        ("www.example.com", "www.example.com"),
        ("WwW.ExAmPlE.CoM", "www.example.com"),
        ("www.example.com.", "www.example.com"),
        ("xn--d1acufc.xn--p1ai", "xn--d1acufc.xn--p1ai"),
        ("_dmarc.my_host.example", "_dmarc.my_host.example"),
        ("localhost", "localhost"),
    ],
)
def test_normalises_the_name(sent: str, host: str) -> None:
    hello = parse_client_hello(forge.client_hello(sent))
    assert hello is not None
    assert (hello.sni, hello.fault) == (host, None)


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"192.0.2.7", Fault.NO_NAME),
        (b"2001:db8::1", Fault.NO_NAME),
        (b"0x7f.1", Fault.NO_NAME),
        (b"a..b", Fault.BAD_NAME),
        (b".", Fault.BAD_NAME),
        (b"www.blocked.com\x00.allowed.com", Fault.BAD_NAME),
        (b"www.example.com:443", Fault.BAD_NAME),
        (b"www.example.com\n", Fault.BAD_NAME),
        ("ёлка.рф".encode(), Fault.BAD_NAME),
        (b"a" * 64 + b".com", Fault.BAD_NAME),
        (b"a." * 126 + b"com", Fault.BAD_NAME),
    ],
)
def test_keeps_what_is_no_host_name_apart(sent: bytes, fault: Fault) -> None:
    hello = parse_client_hello(forge.client_hello(sent))
    assert hello is not None
    assert (hello.sni, hello.fault) == (None, fault)


@pytest.mark.parametrize(
    "extensions",
    [
        forge.server_name(b"a.com", b"b.com"),
        forge.server_name(b"a.com", b"a.com"),
        forge.server_name(b"a.com") + forge.server_name(b"a.com"),
        forge.server_name(b"a.com") + forge.extension(35) + forge.server_name(b"b.com"),
        forge.server_name(),
        forge.server_name(b""),
        forge.server_name(b"a.com", kind=1),
        forge.extension(forge.SERVER_NAME),
        forge.extension(forge.SERVER_NAME, b"\x00\x08\x00\x00\x05a.com\x00"),
        forge.extension(forge.SERVER_NAME, b"\x00\x09\x00\x00\x05a.com"),
        forge.extension(35) + forge.extension(35),
        forge.extension(forge.ALPN, b"\x00\x03\x02h"),
        forge.extension(forge.ALPN, b"\x00\x02\x02h2"),
        forge.extension(forge.SUPPORTED_VERSIONS, b"\x03\x03\x04\x03"),
        forge.extension(forge.SUPPORTED_VERSIONS, b"\x02\x03\x04\x03"),
        b"\x00\x00\x00",
        b"\x00\x23\x00\x05abcd",
    ],
)
def test_refuses_contradictions_and_fields_that_do_not_fit(extensions: bytes) -> None:
    with pytest.raises(WireError):
        parse_client_hello(forge.raw_client_hello(extensions))


def test_refuses_another_message_and_one_that_is_too_long() -> None:
    for message in (forge.server_hello(), b"\x02", b"\x01" + (MAX_HELLO + 1).to_bytes(3, "big")):
        with pytest.raises(WireError):
            parse_client_hello(message)
    with pytest.raises(WireError):
        parse_server_hello(forge.client_hello())


def test_refuses_a_hello_whose_parts_do_not_fill_it() -> None:
    whole = forge.raw_client_hello(forge.extension(35))[4:]
    for body in (whole + b"\x00", whole[:-1], whole[:40], b""):
        with pytest.raises(WireError):
            parse_client_hello(b"\x01" + forge.counted(body, 3))
    with pytest.raises(WireError, match="session id"):
        parse_client_hello(forge.client_hello(session_id=bytes(33)))


def test_a_hello_of_tls_1_0_may_end_without_extensions() -> None:
    hello = parse_client_hello(forge.raw_client_hello(None, legacy_version=0x0301))
    assert hello is not None
    assert (hello.sni, hello.fault, hello.versions) == (None, Fault.NO_NAME, (0x0301,))


@pytest.mark.parametrize(
    "how",
    [
        {"post_quantum": True},
        {"padding_before_sni": 6000},
        {"before": forge.ech(), "after": forge.extension(41, bytes(200))},
        {"protocols": ("\x3a\x3a", "h3")},
        {"legacy_version": 0x0301},
    ],
)
def test_finds_the_name_behind_what_browsers_add(how: dict[str, Any]) -> None:
    hello = parse_client_hello(forge.client_hello("blocked.example", **how))
    assert hello is not None
    assert hello.sni == "blocked.example"


def test_names_the_protocols_and_versions_as_sent() -> None:
    hello = parse_client_hello(
        forge.client_hello(
            protocols=("\x3a\x3a", "h3", "h2"),
            supported=(0x3A3A, 0x0304),
        )
    )
    assert hello is not None
    assert hello.alpn == ("\x3a\x3a", "h3", "h2")
    assert hello.versions == (0x3A3A, 0x0304)


def test_ech_is_real_when_the_clear_name_is_a_public_one() -> None:
    offer = forge.ech(config_id=9, aead=3, payload=240)
    grease = parse_client_hello(forge.client_hello("news.example", after=offer))
    real = parse_client_hello(forge.client_hello("Cloudflare-ECH.com.", after=offer))
    nameless = parse_client_hello(forge.client_hello(None, after=offer))
    plain = parse_client_hello(forge.client_hello("cloudflare-ech.com"))
    assert grease is not None
    assert real is not None
    assert nameless is not None
    assert plain is not None
    assert grease.ech == EchOffer(False, kdf=1, aead=3, config_id=9, enc_length=32, payload_length=240)
    assert not grease.hides_name(PUBLIC_NAMES)
    assert real.hides_name(PUBLIC_NAMES)
    assert nameless.hides_name(PUBLIC_NAMES)
    assert not plain.hides_name(PUBLIC_NAMES)


def test_the_inner_marker_of_ech_hides_nothing() -> None:
    hello = parse_client_hello(forge.client_hello("cloudflare-ech.com", after=forge.ech(inner=True)))
    assert hello is not None
    assert hello.ech == EchOffer(inner=True)
    assert not hello.hides_name(PUBLIC_NAMES)


def test_ech_after_a_hello_retry_request_has_no_share() -> None:
    hello = parse_client_hello(forge.client_hello(after=forge.ech(enc=b"")))
    assert hello is not None
    assert hello.ech is not None
    assert hello.ech.enc_length == 0


def test_encrypted_names_of_the_time_before_ech_are_real() -> None:
    hello = parse_client_hello(forge.client_hello(None, after=forge.extension(forge.ESNI, bytes(300))))
    assert hello is not None
    assert hello.esni
    assert hello.hides_name(frozenset())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x02",
        b"\x01\x00",
        b"\x00\x00\x01\x00\x01\x07",
        forge.ech(payload=0)[4:],
        forge.ech()[4:] + b"\x00",
    ],
)
def test_refuses_a_malformed_ech(body: bytes) -> None:
    with pytest.raises(WireError):
        parse_client_hello(forge.client_hello(after=forge.extension(forge.ECH, body)))


def test_tells_a_hello_retry_request_from_a_server_hello() -> None:
    assert parse_server_hello(forge.server_hello(hrr=True)) == ServerHello(0x0304, hello_retry=True)
    assert parse_server_hello(forge.server_hello()) == ServerHello(0x0304, hello_retry=False)
    assert parse_server_hello(forge.server_hello(version=0x0302)) == ServerHello(0x0302, hello_retry=False)


def test_a_servers_alert_is_no_hello() -> None:
    assert read_server_hellos(forge.FATAL_ALERT) == []
    assert read_server_hellos(forge.WARNING_ALERT + forge.records(forge.server_hello())) == [
        ServerHello(0x0304, hello_retry=False)
    ]


def test_both_names_about_a_hello_retry_request_are_read() -> None:
    stream = (
        forge.records(forge.client_hello("allowed.example"))
        + forge.CHANGE_CIPHER_SPEC
        + forge.records(forge.client_hello("blocked.example"))
    )
    assert [hello.sni for hello, _ in read_client_hellos(stream)] == ["allowed.example", "blocked.example"]


@given(st.binary(max_size=200))
def test_noise_raises_wire_error_alone(noise: bytes) -> None:
    for parse in (parse_client_hello, parse_server_hello, read_client_hellos, read_server_hellos):
        for head in (b"", b"\x01\x00\x00", b"\x02\x00\x00", b"\x16\x03\x01\x00"):
            with suppress(WireError):
                parse(head + noise)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_hello_raises_wire_error_alone(damage: list[tuple[int, int]]) -> None:
    message = bytearray(forge.client_hello(after=forge.ech(payload=20)))
    for at, value in damage:
        message[at % len(message)] = value
    with suppress(WireError):
        parse_client_hello(bytes(message))


@given(st.binary(max_size=120))
def test_a_hello_with_any_extensions_raises_wire_error_alone(extensions: bytes) -> None:
    with suppress(WireError):
        parse_client_hello(forge.raw_client_hello(extensions))
    with suppress(WireError):
        parse_client_hello(forge.client_hello(after=forge.extension(forge.ECH, extensions)))


def listed(*entries: tuple[int, bytes]) -> bytes:
    """A server_name extension with names of any type."""
    names = b"".join(bytes([kind]) + forge.counted(name, 2) for kind, name in entries)
    return forge.extension(forge.SERVER_NAME, forge.counted(names, 2))


def with_suites(message: bytes, count: int) -> bytes:
    """``message`` with another number of cipher suites."""
    at = 39 + message[38]
    after = at + 2 + int.from_bytes(message[at : at + 2], "big")
    return b"\x01" + forge.counted(message[4:at] + forge.counted(b"\x13\x01" * count, 2) + message[after:], 3)


HELLOS = {
    "an empty ECH": (forge.client_hello(NAME, after=forge.extension(forge.ECH)), [NAME]),
    "an odd ECH": (forge.client_hello(NAME, before=forge.extension(forge.ECH, b"\x07")), [NAME]),
    "an odd ALPN": (forge.client_hello(NAME, protocols=(), after=forge.extension(16, b"\0\x09h")), [NAME]),
    "odd versions": (forge.client_hello(NAME, supported=(), after=forge.extension(43, b"\x03\x03")), [NAME]),
    "over 64 KiB": (with_suites(forge.client_hello(NAME, padding_before_sni=60_000), 5000), [NAME]),
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
