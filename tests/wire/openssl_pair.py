"""A real TLS client and server (OpenSSL), joined in memory."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path


class OpenSslPair:
    """Shakes hands at once; ``sent`` is what the client and the server have sent, ``agreed`` the version."""

    def __init__(
        self,
        certificate: Path,
        *,
        host: str | None = "www.example.com",
        newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        server_group: str | None = None,
    ) -> None:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        client.maximum_version = newest
        client.set_alpn_protocols(["h2", "http/1.1"])
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate)
        server.set_alpn_protocols(["h2"])
        if server_group:
            server.set_ecdh_curve(server_group)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            (client.wrap_bio(to_client, out_c := ssl.MemoryBIO(), server_hostname=host), out_c, to_server),
            (server.wrap_bio(to_server, out_s := ssl.MemoryBIO(), server_side=True), out_s, to_client),
        ]
        self.sent = [b"", b""]
        for _ in range(4):
            for side, (end, out, other) in enumerate(ends):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                data = out.read()
                self.sent[side] += data
                other.write(data)
        self.agreed = ends[0][0].version()
