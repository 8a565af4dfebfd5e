from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.quic.crypto import VERSION_1, VERSION_2
from gateway.wire.quic.initials import MAX_CONNECTIONS, DatagramKind, Initials, classify
from tests.wire import quic_forge as forge
from tests.wire import tls_forge

NAME = "blocked.example"
DCID = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08"
SERVER_ID = b"server-1"
# As browsers send it: 1.6 kB, the name behind a post-quantum share.
HELLO = tls_forge.client_hello(NAME, post_quantum=True)
SMALL = tls_forge.client_hello(NAME)
CUT = HELLO.index(NAME.encode()) + 4


def one(frames: bytes, dcid: bytes = DCID, **how: Any) -> bytes:
    return forge.encrypt_initial(frames, dcid=dcid, **how)


CASES: dict[str, list[bytes]] = {
    "q00 plain": [one(forge.crypto(0, SMALL))],
    "q01 version 2": [one(forge.crypto(0, SMALL), version=VERSION_2)],
    "q03 scrambled in one packet": [one(b"".join(forge.scrambled(SMALL, 40)))],
    "q04 two packets in order": forge.datagrams(forge.pieces(HELLO, 820), 2, dcid=DCID),
    "q05 two packets reversed": forge.datagrams(forge.pieces(HELLO, 820), 2, dcid=DCID)[::-1],
    "q06 scrambled over two packets": forge.datagrams(forge.scrambled(HELLO, 90), 2, dcid=DCID),
    "q07 name cut between two packets": [
        one(forge.crypto(CUT, HELLO[CUT:]), number=1),
        one(forge.crypto(1000, HELLO[1000:CUT]) + forge.crypto(0, HELLO[:1000]), number=0, pad_to=1900),
    ],
    "q09 fake with a broken tag first": [
        one(forge.crypto(0, tls_forge.client_hello("decoy.example")), broken_tag=True),
        one(forge.crypto(0, SMALL)),
    ],
    "q11 zeros first": [bytes(64), one(forge.crypto(0, SMALL))],
    "q12 token": [one(forge.crypto(0, SMALL), token=b"\x55" * 120)],
    "q13 packet number of 4 bytes": [one(forge.crypto(0, SMALL), number=7, number_size=4)],
    "q14 id of 20 bytes": [one(forge.crypto(0, SMALL), dcid=b"\x07" * 20)],
    "q16 ACK in between": [one(forge.ack(3, ecn=True) + forge.crypto(0, SMALL) + forge.connection_close())],
    "q17 overlap": [
        one(forge.crypto(0, SMALL[:200]) + forge.crypto(100, SMALL[100:]) + forge.crypto(0, SMALL))
    ],
    "q20 PADDING first": [one(forge.padding(700) + forge.crypto(0, SMALL))],
    "q22 eight packets": forge.datagrams(forge.pieces(HELLO, 190), 8, dcid=DCID),
    "q24 gap in packet numbers": [
        one(forge.crypto(0, HELLO[:800]), number=0),
        one(forge.crypto(800, HELLO[800:]), number=200),
    ],
    "one frame a byte": [one(frame) for frame in forge.pieces(SMALL, 1)],
    "five bytes a frame, any order": forge.datagrams(forge.scrambled(HELLO, 5), 4, dcid=DCID, pad_to=0),
    "behind 0-RTT": [forge.protected("0-rtt", DCID, size=200) + one(forge.crypto(0, SMALL), pad_to=900)],
    "two Initials in one datagram": [
        one(forge.crypto(200, SMALL[200:]), number=1, pad_to=0) + one(forge.crypto(0, SMALL[:200]), pad_to=0)
    ],
    "fixed bit greased": [one(forge.crypto(0, SMALL), fixed=False)],
    "decoy with a packet number far away": [
        one(forge.PING, number=1 << 30, number_size=4),
        one(forge.crypto(0, SMALL), number=0, number_size=1),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_sees_through(name: str) -> None:
    initials = Initials()
    *early, last = CASES[name]
    for datagram in early:
        assert initials.from_client(datagram) == []
    (hello,) = initials.from_client(last)
    assert hello.sni == NAME


@pytest.mark.parametrize("name", CASES)
def test_sees_through_when_every_datagram_is_sent_twice(name: str) -> None:
    initials = Initials()
    found = [hello.sni for datagram in CASES[name] for hello in initials.from_client(datagram)]
    for datagram in CASES[name]:
        assert initials.from_client(datagram) == []
    assert found == [NAME]


@pytest.mark.parametrize("name", ["q00 plain", "q12 token", "q04 two packets in order"])
def test_truncated_at_each_offset_nothing_is_seen(name: str) -> None:
    *early, last = CASES[name]
    initials = Initials()
    for datagram in early:
        initials.from_client(datagram)
    for size in range(len(last)):
        assert initials.from_client(last[:size]) == []
    assert [hello.sni for hello in initials.from_client(last)] == [NAME]


def test_counts_what_opened_and_what_did_not() -> None:
    initials = Initials()
    for datagram in CASES["q09 fake with a broken tag first"]:
        initials.from_client(datagram)
    initials.from_client(bytes(64))
    assert (initials.opened, initials.unopened) == (1, 1)


def test_a_decoy_on_a_connection_of_its_own_does_not_hide_the_real_one() -> None:
    initials = Initials()
    decoy = forge.datagrams(forge.pieces(tls_forge.client_hello("decoy.example"), 100), 2, dcid=b"decoy-id")
    real = forge.datagrams(forge.scrambled(HELLO, 90), 2, dcid=DCID)
    found = [
        hello.sni
        for pair in zip(decoy, real, strict=True)
        for item in pair
        for hello in initials.from_client(item)
    ]
    assert found == ["decoy.example", NAME]


def test_a_decoy_on_the_same_connection_is_refused() -> None:
    initials = Initials()
    decoy = tls_forge.client_hello("decoy-x.example"[: len(NAME)])
    initials.from_client(one(forge.crypto(0, decoy)))
    with pytest.raises(WireError, match="differ"):
        initials.from_client(one(forge.crypto(0, SMALL), number=1))


def test_refuses_more_connections_than_any_client_opens() -> None:
    initials = Initials()
    for turn in range(MAX_CONNECTIONS):
        initials.from_client(one(forge.PING, dcid=bytes([turn] * 8)))
    with pytest.raises(WireError, match="connections"):
        initials.from_client(one(forge.PING, dcid=b"one more"))


def test_a_client_writes_to_the_servers_id_with_the_first_keys() -> None:
    initials = Initials()
    first, second = forge.datagrams(forge.pieces(HELLO, 820), 2, dcid=DCID)
    assert initials.from_client(first) == []
    lost = one(forge.crypto(820, HELLO[820:]), dcid=SERVER_ID, key_dcid=DCID, number=2)
    assert [hello.sni for hello in initials.from_client(lost)] == [NAME]
    assert initials.from_client(second) == []


def test_a_packet_that_opens_under_known_keys_is_not_taken_for_a_new_connection() -> None:
    initials = Initials()
    initials.from_client(one(forge.crypto(0, SMALL)))
    for turn in range(MAX_CONNECTIONS + 2):
        assert (
            initials.from_client(one(forge.ack(), dcid=bytes([turn] * 8), key_dcid=DCID, number=turn + 1))
            == []
        )


def test_after_a_retry_the_keys_follow_the_new_id() -> None:
    initials = Initials()
    initials.from_client(one(forge.crypto(0, SMALL)))
    answer = forge.retry(b"", b"retry-id")
    assert classify(answer) is DatagramKind.RETRY
    assert initials.from_server(answer) == []
    again = one(forge.crypto(0, SMALL), dcid=b"retry-id", token=b"token", number=1)
    assert [hello.sni for hello in initials.from_client(again)] == [NAME]
    (found,) = initials.from_server(server_packet(tls_forge.server_hello(), key_dcid=b"retry-id"))
    assert not found.hello.hello_retry


def server_packet(hello: bytes, *, at: int = 0, key_dcid: bytes = DCID, **how: Any) -> bytes:
    frames = forge.ack() + forge.crypto(at, hello)
    return one(frames, dcid=b"", scid=SERVER_ID, key_dcid=key_dcid, server=True, **how)


def test_finds_the_servers_hello() -> None:
    initials = Initials()
    initials.from_client(one(forge.crypto(0, SMALL)))
    (answer,) = initials.from_server(server_packet(tls_forge.server_hello()))
    assert not answer.hello.hello_retry
    assert answer.asked.sni == NAME


def test_finds_a_servers_hello_over_two_datagrams() -> None:
    initials = Initials()
    initials.from_client(one(forge.crypto(0, SMALL)))
    hello = tls_forge.server_hello(share=1120)
    assert initials.from_server(server_packet(hello[600:], at=600, number=1)) == []
    assert len(initials.from_server(server_packet(hello[:600]))) == 1


def test_acknowledgement_alone_and_noise_answer_nothing() -> None:
    initials = Initials()
    initials.from_client(one(forge.crypto(0, SMALL)))
    for datagram in (
        one(forge.ack(), dcid=b"", scid=SERVER_ID, key_dcid=DCID, server=True),
        server_packet(tls_forge.server_hello(), broken_tag=True),
        one(forge.crypto(0, tls_forge.server_hello()), dcid=b"", key_dcid=DCID),  # with the client's keys
        forge.version_negotiation(b"", DCID, VERSION_1),
        forge.retry(b"", b"retry-id"),
        forge.protected("handshake", b""),
        bytes(64),
        b"",
    ):
        assert initials.from_server(datagram) == []


def test_a_server_cannot_answer_what_was_not_asked() -> None:
    initials = Initials()
    assert initials.from_server(server_packet(tls_forge.server_hello())) == []
    initials.from_client(one(forge.crypto(0, SMALL[:100])))
    assert initials.from_server(server_packet(tls_forge.server_hello())) == []


def test_a_decoys_answer_is_told_from_the_real_ones() -> None:
    initials = Initials()
    initials.from_client(one(forge.crypto(0, tls_forge.client_hello("decoy.example")), dcid=b"decoy-id"))
    initials.from_client(one(forge.crypto(0, HELLO[:900])))
    assert initials.from_server(server_packet(tls_forge.server_hello())) == []
    (answer,) = initials.from_server(server_packet(tls_forge.server_hello(), key_dcid=b"decoy-id"))
    assert answer.asked.sni == "decoy.example"


def test_both_hellos_about_a_hello_retry_request() -> None:
    initials = Initials()
    first, second = tls_forge.client_hello("allowed.example"), SMALL
    retry, hello = tls_forge.server_hello(hrr=True), tls_forge.server_hello()
    initials.from_client(one(forge.crypto(0, first)))
    (answer,) = initials.from_server(server_packet(retry))
    assert answer.hello.hello_retry
    assert [found.sni for found in initials.from_client(one(forge.crypto(len(first), second), number=1))] == [
        NAME
    ]
    (answer,) = initials.from_server(server_packet(hello, at=len(retry), number=1))
    assert not answer.hello.hello_retry
    assert answer.asked.sni == NAME


def test_the_answer_to_a_second_hello_that_was_not_seen_is_none() -> None:
    initials = Initials()
    retry, hello = tls_forge.server_hello(hrr=True), tls_forge.server_hello()
    initials.from_client(one(forge.crypto(0, SMALL)))
    initials.from_server(server_packet(retry))
    assert initials.from_server(server_packet(hello, at=len(retry), number=1)) == []


def test_refuses_a_third_hello() -> None:
    initials = Initials()
    small = tls_forge.raw_client_hello(None)
    with pytest.raises(WireError, match="more than 2"):
        initials.from_client(one(forge.crypto(0, small * 3)))


def test_drafts_are_not_read() -> None:
    initials = Initials()
    datagram = one(forge.crypto(0, SMALL), version=forge.DRAFT_29)
    assert classify(datagram) is DatagramKind.UNKNOWN_VERSION
    assert initials.from_client(datagram) == []
    assert (initials.opened, initials.unopened) == (0, 0)


@given(st.binary(max_size=80))
def test_any_frames_in_a_valid_packet_raise_wire_error_alone(frames: bytes) -> None:
    initials = Initials()
    for turn, head in enumerate((b"", b"\x06\x00", b"\x06\x00\x3c\x01\x00\x00\x38")):
        with suppress(WireError):
            initials.from_client(one(head + frames, number=turn))
        with suppress(WireError):
            initials.from_server(one(head + frames, dcid=b"", key_dcid=DCID, server=True, number=turn))


@given(st.lists(st.tuples(st.integers(0, 1199), st.integers(0, 255)), max_size=4), st.integers(0, 1200))
def test_damaged_datagrams_raise_wire_error_alone(damage: list[tuple[int, int]], cut: int) -> None:
    datagram = bytearray(CASES["q00 plain"][0])
    for at, value in damage:
        datagram[at] = value
    initials = Initials()
    with suppress(WireError):
        initials.from_client(bytes(datagram[:cut]))
        initials.from_server(bytes(datagram[cut:]))
