from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.tls.records import (
    CLIENT_HELLO,
    HEADER,
    MAX_HELLO,
    MAX_IDLE_RECORDS,
    MAX_RECORD,
    MAX_SERVER_HELLO,
    SERVER_HELLO,
    HandshakeReader,
    looks_like_tls,
    read_handshakes,
)
from tests.wire import tls_forge as forge

HELLO = forge.client_hello(post_quantum=True)
SHORT_HELLO = forge.client_hello()
EMPTY_RECORD = forge.record(b"")
SSLV2_HELLO = bytes.fromhex("801f 01 0301 0006 0000 0010 000005 01006b") + bytes(16)

STREAMS = {
    "one record": forge.records(HELLO),
    "split inside the name": forge.records(HELLO, HELLO.index(b"example") + 3),
    "records of 10 bytes": forge.records(HELLO, 10),
    "records of 1 byte": forge.records(SHORT_HELLO, 1),
    "alert first": forge.WARNING_ALERT + forge.records(HELLO),
    "ChangeCipherSpec first": forge.CHANGE_CIPHER_SPEC + forge.records(HELLO),
    "alert and ChangeCipherSpec between": (
        forge.record(HELLO[:100]) + forge.WARNING_ALERT + forge.CHANGE_CIPHER_SPEC + forge.record(HELLO[100:])
    ),
    "heartbeat between": forge.record(HELLO[:3]) + forge.record(bytes(19), kind=24) + forge.record(HELLO[3:]),
    "empty records": EMPTY_RECORD * 3 + forge.record(HELLO[:7]) + EMPTY_RECORD * 3 + forge.record(HELLO[7:]),
    "record version 0x0300": forge.records(HELLO, version=0x0300),
    "record version 0x0303": forge.records(HELLO, version=0x0303),
    "record version 0x0304": forge.records(HELLO, version=0x0304),
    "record version that Go takes": forge.records(HELLO, 500, version=0x0F42),
}


def hello_of(name: str) -> bytes:
    return SHORT_HELLO if name == "records of 1 byte" else HELLO


@pytest.mark.parametrize("name", STREAMS)
def test_joins_the_hello_from_the_whole_stream(name: str) -> None:
    assert HandshakeReader(CLIENT_HELLO).feed(STREAMS[name]) == [hello_of(name)]


@pytest.mark.parametrize("name", STREAMS)
def test_joins_the_hello_byte_by_byte(name: str) -> None:
    reader = HandshakeReader(CLIENT_HELLO)
    found: list[bytes] = []
    for at, byte in enumerate(STREAMS[name]):
        assert found == [], f"complete {len(STREAMS[name]) - at} bytes early"
        found += reader.feed(bytes([byte]))
    assert found == [hello_of(name)]
    assert reader.ends == [len(STREAMS[name])]


@pytest.mark.parametrize("name", STREAMS)
def test_truncated_anywhere_it_waits(name: str) -> None:
    stream = STREAMS[name]
    step = 7 if len(stream) > 4000 else 1
    for size in range(0, len(stream), step):
        assert HandshakeReader(CLIENT_HELLO).feed(stream[:size]) == []


@pytest.mark.parametrize("name", STREAMS)
def test_looks_like_tls_is_sure_in_time_and_does_not_change_its_mind(name: str) -> None:
    stream = STREAMS[name]
    opinions = [looks_like_tls(stream[:size]) for size in range(12)]
    assert opinions[0] is None
    assert opinions[-1] is True
    assert False not in opinions
    assert opinions == sorted(opinions, key=lambda opinion: opinion is True)


@pytest.mark.parametrize(
    "prefix",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"\x13BitTorrent protocol",
        b"\x16\x10\x03\x00\x05\x01",  # a version that no server reads
        b"\x16\x03\x01\xff\xff\x01",  # a record that is too long
        b"\x16\x05\x01\x00\x05\x07\x00\x00\x01",  # an odd version and no ClientHello in it
        b"\x16\x05\x01\x00\x00",
        b"\x15\x03\x01\x00\x03\x01\x70\x00",  # alerts have two bytes
        b"\x18\x05\x01\x00\x13" + bytes(19),
        b"\x17\x03\x03\x00\x20" + bytes(32),  # application data never comes first
        b"\x80\x90\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x80\x1f\x01\x03\x01\x00\x07\x00\x00\x00\x10",  # lengths that do not add up
        b"\x80\x1f\x01\x07\x01",
    ],
)
def test_other_protocols_do_not_look_like_tls(prefix: bytes) -> None:
    assert looks_like_tls(prefix) is False


def test_an_sslv2_hello_is_recognised_and_refused() -> None:
    assert looks_like_tls(SSLV2_HELLO[:10]) is None
    assert looks_like_tls(SSLV2_HELLO) is True
    with pytest.raises(WireError, match="type 128"):
        HandshakeReader(CLIENT_HELLO).feed(SSLV2_HELLO)


def test_a_second_hello_is_found_past_early_data() -> None:
    early = forge.record(b"\xaa" * 300, kind=23, version=0x0303)
    second = forge.client_hello("second.example")
    stream = forge.records(HELLO) + early * 4 + forge.CHANGE_CIPHER_SPEC + forge.records(second, 50)
    reader = HandshakeReader(CLIENT_HELLO)
    found = []
    for at in range(0, len(stream), 11):
        found += reader.feed(stream[at : at + 11])
    assert found == [HELLO, second]
    assert reader.ends == [len(forge.records(HELLO)), len(stream)]
    assert not reader.opaque


def test_two_messages_in_one_record_are_told_apart() -> None:
    retry, hello = forge.server_hello(hrr=True), forge.server_hello()
    reader = HandshakeReader(SERVER_HELLO)
    assert reader.feed(forge.record(retry + hello)) == [retry, hello]
    assert reader.ends == [HEADER + len(retry), HEADER + len(retry + hello)]


def test_what_follows_the_first_message_ends_the_reading() -> None:
    certificate = b"\x0b" + forge.counted(bytes(40_000), 3)
    reader = HandshakeReader(SERVER_HELLO)
    hello = forge.server_hello(version=0x0303)
    assert reader.feed(forge.records(hello + certificate, 16_000)) == [hello]
    assert reader.opaque
    assert reader.feed(b"\xff" * 100) == []


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"\x16\x10\x00\x00\x01\x01", "no TLS record"),
        (b"\x16\x03\x01\xff\xff", "no TLS record"),
        (b"\x13\x03\x01\x00\x01\x01", "type 19"),
        (b"\x19\x03\x01\x00\x01\x01", "type 25"),
        (forge.record(b"\x00" * 10, kind=23), "application data before"),
        (forge.record(b"\x02\x00\x00\x01\x00"), "begins with type 2"),
        (forge.record(b"\x01" + (131_073).to_bytes(3, "big")), "131073 bytes"),
        (EMPTY_RECORD * (MAX_IDLE_RECORDS + 1), "empty records"),
        (forge.WARNING_ALERT * (MAX_IDLE_RECORDS + 1), "alerts"),
    ],
)
def test_refuses_what_is_no_hello(stream: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        HandshakeReader(CLIENT_HELLO).feed(stream)


def test_idle_records_up_to_the_limit_are_endured() -> None:
    stream = EMPTY_RECORD * MAX_IDLE_RECORDS + forge.records(HELLO)
    assert HandshakeReader(CLIENT_HELLO).feed(stream) == [HELLO]


def test_the_longest_hello_passes_and_nothing_more_is_held() -> None:
    longest = b"\x01" + forge.counted(bytes(MAX_HELLO), 3)
    reader = HandshakeReader(CLIENT_HELLO)
    assert reader.feed(forge.records(longest, 1000)) == [longest]
    reader.feed(forge.record(bytes([1]) * MAX_RECORD)[:-1])
    assert len(reader._rest) <= MAX_RECORD + 5


@given(st.binary(max_size=300))
def test_noise_raises_wire_error_alone(noise: bytes) -> None:
    assert looks_like_tls(noise) in (True, False, None)
    with suppress(WireError):
        HandshakeReader(CLIENT_HELLO).feed(noise)


@given(st.integers(0, len(HELLO) + 20), st.binary(max_size=60), st.lists(st.integers(1, 400), max_size=8))
def test_a_broken_stream_raises_wire_error_alone(cut: int, noise: bytes, sizes: list[int]) -> None:
    stream = forge.records(HELLO, *sizes)[:cut] + noise
    reader = HandshakeReader(CLIENT_HELLO)
    with suppress(WireError):
        for at in range(0, len(stream), 97):
            reader.feed(stream[at : at + 97])


Found = list[tuple[bytes, int]]


def outcome(read: Callable[[bytes, int], Found], stream: bytes, first: int) -> Found | str:
    try:
        return read(stream, first)
    except WireError as error:
        return str(error)


def by_the_reader(stream: bytes, first: int) -> Found:
    reader = HandshakeReader(first)
    return list(zip(reader.feed(stream), reader.ends, strict=True))


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_read_at_once_gives_what_the_reader_gives(name: str) -> None:
    stream = STREAMS[name]
    for end in {*range(12), len(stream) // 2, len(stream) - 1, len(stream)}:
        for first in (CLIENT_HELLO, SERVER_HELLO):
            expected = outcome(by_the_reader, stream[:end], first)
            assert outcome(read_handshakes, stream[:end], first) == expected
    assert [message for message, _ in read_handshakes(stream, CLIENT_HELLO)] == [hello_of(name)]


@given(
    st.integers(0, 9),
    st.integers(0, 255),
    st.integers(0, len(SHORT_HELLO) + 9),
    st.sampled_from((b"", forge.CHANGE_CIPHER_SPEC, forge.records(SHORT_HELLO), b"\x17")),
)
def test_a_damaged_stream_read_at_once_gives_what_the_reader_gives(
    at: int, value: int, end: int, more: bytes
) -> None:
    stream = bytearray(forge.records(SHORT_HELLO))
    stream[at] = value
    whole = bytes(stream[:end]) + more
    expected = outcome(by_the_reader, whole, CLIENT_HELLO)
    assert outcome(read_handshakes, whole, CLIENT_HELLO) == expected


def test_a_hello_over_the_limit_is_given_out_and_a_servers_is_not() -> None:
    sizes = {CLIENT_HELLO: MAX_HELLO + 1, SERVER_HELLO: MAX_SERVER_HELLO + 1}
    client, server = (bytes([kind]) + forge.counted(bytes(size), 3) for kind, size in sizes.items())
    ((message, _),) = read_handshakes(forge.records(client, 16_000), CLIENT_HELLO)
    assert message == client
    with pytest.raises(WireError, match="begins with type 2 of 16385 bytes"):
        read_handshakes(forge.records(server, 16_000), SERVER_HELLO)
