"""TLS after plain text: servers in the simulated internet, and a client on a device.

``serve FOLDER`` listens on a port for each dialogue, with the certificate of the folder. ``fetch``
reads a JSON list of tries {dialogue, address, host} from standard input and prints which of them got an
answer inside TLS.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import sys
import threading
from pathlib import Path

from tests.wire.starttls_dialogues import DIALOGUES, SMTP, Lines

_NOOP: Lines = [("client", b"NOOP\r\n"), ("server", b"250 OK\r\n")]
SCRIPTS: dict[str, Lines] = {**DIALOGUES, "a long dialogue": [*SMTP[:3], *_NOOP * 40, *SMTP[3:]]}
FIRST_PORT = 2601
_WAIT_S = 4.0


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


def _play(sock: socket.socket, lines: Lines, mine: str) -> None:
    for side, line in lines:
        if side == mine:
            sock.sendall(line)
        else:
            _exactly(sock, len(line))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, family: socket.AddressFamily, port: int, lines: Lines, tls: ssl.SSLContext) -> None:
        self.address_family = family
        self.lines, self.tls = lines, tls
        super().__init__(("", port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def handle_error(self, _request: object, _address: object) -> None:
        """A client that the filter has cut off is no error."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.request.settimeout(_WAIT_S)
        _play(self.request, self.server.lines, "server")
        with self.server.tls.wrap_socket(self.request, server_side=True) as inside:
            inside.sendall(inside.recv(4))


def _serve(folder: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    for port, lines in enumerate(SCRIPTS.values(), FIRST_PORT):
        for family in (socket.AF_INET, socket.AF_INET6):
            server = _Server(family, port, lines, tls)
            threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


def _is_answered(dialogue: str, address: str, host: str) -> bool:
    port = FIRST_PORT + list(SCRIPTS).index(dialogue)
    context = ssl._create_unverified_context()
    try:
        with socket.create_connection((address, port), _WAIT_S) as sock:
            _play(sock, SCRIPTS[dialogue], "client")
            with context.wrap_socket(sock, server_hostname=host) as inside:
                inside.sendall(b"ping")
                return inside.recv(4) == b"ping"
    except OSError:
        return False


def main() -> None:
    if sys.argv[1] == "serve":
        _serve(Path(sys.argv[2]))
    print(json.dumps([_is_answered(**chosen) for chosen in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
