"""Initials of real clients and servers: Chromium, recorded, and aioquic, shaking hands in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from aioquic.quic.packet import encode_quic_retry

from gateway.wire.quic.crypto import VERSION_1, VERSION_2
from gateway.wire.quic.initials import DatagramKind, Initials, classify, long_packets
from tests.wire.aioquic_pair import AioquicPair, aioquic_client, aioquic_server
from tests.wire.identity import Identity, self_signed

VECTORS = Path(__file__).parents[2] / "vectors"
NAME = "blocked.example"


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 2, 3), (3, 2, 1, 0), (0, 0, 2, 3, 1)])
def test_reads_the_initials_of_chromium(order: tuple[int, ...]) -> None:
    """Chromium 156: a hello in 19 shuffled frames over two datagrams, then parts of it again."""
    initials = Initials()
    found = [
        hello
        for index in order
        for hello in initials.from_client((VECTORS / f"chromium_156_initial_{index}.bin").read_bytes())
    ]
    assert [(hello.sni, hello.alpn) for hello in found] == [("www.blocked.example", ("h3",))]
    assert (initials.opened, initials.unopened) == (len(order), 0)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return self_signed(NAME)


@pytest.mark.parametrize(
    ("versions", "original", "answered_in"),
    [
        ([VERSION_1], None, VERSION_1),
        ([VERSION_2], None, VERSION_2),
        ([VERSION_2, VERSION_1], VERSION_1, VERSION_2),  # compatible version negotiation, RFC 9368
    ],
)
def test_follows_a_real_handshake(
    identity: Identity, versions: list[int], original: int | None, answered_in: int
) -> None:
    client = aioquic_client(NAME, versions, original)
    pair = AioquicPair(client, aioquic_server(versions, identity, client.original_destination_connection_id))
    initials, asked, answers, answer_versions = Initials(), [], [], set()
    for from_client, datagram in pair.exchange():
        if from_client:
            asked += initials.from_client(datagram)
        else:
            answers += initials.from_server(datagram)
            answer_versions |= {packet.version for packet in long_packets(datagram)}
    assert client._handshake_complete
    assert [(hello.sni, hello.alpn) for hello in asked] == [(NAME, ("h3",))]
    assert [answer.hello.hello_retry for answer in answers] == [False]
    assert answer_versions == {answered_in}


def test_follows_a_real_handshake_through_a_retry(identity: Identity) -> None:
    client = aioquic_client(NAME, [VERSION_1])
    original = client.original_destination_connection_id
    initials = Initials()
    ((datagram, _),) = client.datagrams_to_send(now=0.0)
    assert len(initials.from_client(datagram)) == 1
    retry = encode_quic_retry(
        version=VERSION_1,
        source_cid=b"retry-id",
        destination_cid=client.host_cid,
        original_destination_cid=original,
        retry_token=b"token",
    )
    assert classify(retry) is DatagramKind.RETRY
    client.receive_datagram(retry, ("192.0.2.1", 443), now=0.0)
    pair = AioquicPair(client, aioquic_server([VERSION_1], identity, original, b"retry-id"))
    answers = []
    for from_client, sent in pair.exchange():
        if from_client:
            initials.from_client(sent)
        else:
            answers += initials.from_server(sent)
    assert client._handshake_complete
    assert [answer.asked.sni for answer in answers] == [NAME]
