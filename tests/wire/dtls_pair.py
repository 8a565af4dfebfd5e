"""A real DTLS client and server (OpenSSL), joined in memory, datagram by datagram.

pyOpenSSL comes with aioquic.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from OpenSSL import SSL

HEAD = 13  # bytes of a record's header
COOKIE = b"a cookie"


class DtlsPair:
    """Shakes hands at once. ``sent`` has the records in order: True for the client's, and the bytes."""

    def __init__(
        self,
        certificate: Path,
        *,
        host: str | None,
        mtu: int = 1400,
        cookie: bool = False,
        protocols: int = 1,  # a long hello has many
    ) -> None:
        self.sent: list[tuple[bool, bytes]] = []
        client_context = SSL.Context(SSL.DTLS_METHOD)
        client_context.set_alpn_protos([b"protocol-%d" % number for number in range(protocols)])
        client = SSL.Connection(client_context, None)
        server_context = SSL.Context(SSL.DTLS_METHOD)
        server_context.use_certificate_chain_file(str(certificate))
        server_context.use_privatekey_file(str(certificate))
        if cookie:
            assert SSL.OP_COOKIE_EXCHANGE is not None
            server_context.set_options(SSL.OP_COOKIE_EXCHANGE)
            server_context.set_cookie_generate_callback(lambda _: COOKIE)
            server_context.set_cookie_verify_callback(lambda _, given: given == COOKIE)
        server = SSL.Connection(server_context, None)
        client.set_connect_state()
        server.set_accept_state()
        if host is not None:
            client.set_tlsext_host_name(host.encode())
        for side in (client, server):
            side.set_options(SSL.OP_NO_QUERY_MTU)
            side.set_ciphertext_mtu(mtu)
        self.done = False
        for _ in range(8):
            for one, other, is_client in ((client, server, True), (server, client, False)):
                with suppress(SSL.WantReadError):
                    one.do_handshake()
                    self.done |= is_client
                with suppress(SSL.WantReadError):
                    for record in records(one.bio_read(1 << 16)):
                        self.sent.append((is_client, record))
                        other.bio_write(record)


def records(data: bytes) -> list[bytes]:
    """Split bytes into DTLS records."""
    found = []
    while data:
        end = HEAD + int.from_bytes(data[HEAD - 2 : HEAD], "big")
        found.append(data[:end])
        data = data[end:]
    return found
