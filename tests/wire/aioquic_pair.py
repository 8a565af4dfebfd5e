"""A real QUIC client and server (aioquic), joined in memory."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import NamedTuple

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from tests.wire.identity import Identity


class AioquicPair(NamedTuple):
    """The two ends; time passes in steps of 0.1 s."""

    client: QuicConnection
    server: QuicConnection

    def exchange(self, rounds: int = 4) -> Iterator[tuple[bool, bytes]]:
        """What they send: whether it comes from the client, and the datagram."""
        for turn in range(rounds):
            for end, other in ((self.client, self.server), (self.server, self.client)):
                for datagram, _ in end.datagrams_to_send(now=turn / 10):
                    yield end is self.client, datagram
                    other.receive_datagram(datagram, ("192.0.2.1", 443), now=turn / 10)


def aioquic_client(name: str, versions: list[int], original: int | None = None) -> QuicConnection:
    configuration = QuicConfiguration(
        alpn_protocols=["h3"],
        server_name=name,
        verify_mode=ssl.CERT_NONE,
        supported_versions=versions,
        original_version=original,
    )
    client = QuicConnection(configuration=configuration)
    client.connect(("192.0.2.1", 443), now=0.0)
    return client


def aioquic_server(
    versions: list[int], identity: Identity, original: bytes, retry: bytes | None = None
) -> QuicConnection:
    configuration = QuicConfiguration(
        is_client=False, alpn_protocols=["h3"], supported_versions=versions, **identity._asdict()
    )
    return QuicConnection(
        configuration=configuration,
        original_destination_connection_id=original,
        retry_source_connection_id=retry,
    )
