"""TCP servers of the simulated internet: one listener per port, one thread per connection."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import tempfile
import threading
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.audit import tunnels, zone
from gateway.audit.arrivals import Arrivals
from gateway.wire.dns.message import TcpStream, tcp_frame

_PATIENCE = 12.0  # seconds of silence on a connection; the longest check takes ten
_TLS = b"\x16"
_METHOD = 4  # bytes that identify a request
_REQUESTS = (b"GET ", b"HEAD", b"POST")
_PIECE = 4096
PAGE = b"the audit's own internet"
_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
STREAM_PATH = b"/stream"
_STREAM_EVERY = 0.05  # seconds between the pieces of an endless download
_CONNECTIONS = 256  # the backlog


class StreamServer:
    """One TCP port."""

    def __init__(self, port: int, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._port = port
        self._listener = socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_CONNECTIONS
        )

    def serve(self) -> None:
        _server_context()
        while True:
            peer, _ = self._listener.accept()
            threading.Thread(target=self._meet, args=[peer], daemon=True).start()

    def _meet(self, peer: socket.socket) -> None:
        with peer:
            try:
                peer.settimeout(_PATIENCE)
                here = peer.getsockname()[0].removeprefix("::ffff:")
                self._talk(peer, here)
            except OSError:
                return  # cut, closed or silent: all arrivals are recorded

    def _talk(self, peer: socket.socket, here: str) -> None:
        first = peer.recv(1, socket.MSG_PEEK)
        if not first:
            return
        if self._port in zone.PORTS:
            self._resolve(peer, here)
        elif first == _TLS:
            self._secure(peer, here)
        else:
            data = peer.recv(_PIECE)
            while len(data) < _METHOD and any(method.startswith(data) for method in _REQUESTS):
                data += peer.recv(_PIECE) or bytes(_METHOD)
            if data[:_METHOD] in _REQUESTS:
                self._page(peer, here, data)
                return
            self._arrivals.note("tcp", here, self._port, data)
            peer.sendall(tunnels.answer_stream(data))
            while data := peer.recv(_PIECE):
                peer.sendall(data)

    def _resolve(self, peer: socket.socket, here: str) -> None:
        stream = TcpStream()
        while data := peer.recv(_PIECE):
            for message in stream.feed(data):
                self._arrivals.note("tcp", here, self._port, message)
                answer = zone.answer(message)
                if answer is not None:
                    peer.sendall(tcp_frame(answer))

    def _secure(self, peer: socket.socket, here: str) -> None:
        context = _server_context()
        with context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False) as secure:
            _asked.here = lambda name: self._arrivals.note("tcp", here, self._port, _TLS, name or "-")
            secure.do_handshake()
            data = secure.recv(_PIECE)
            if data:
                self._page(secure, here, data)

    def _page(self, peer: socket.socket, here: str, request: bytes) -> None:
        while b"\r\n\r\n" not in request and len(request) < _PIECE:
            more = peer.recv(_PIECE)
            if not more:
                break
            request += more
        self._arrivals.note("tcp", here, self._port, request)
        if STREAM_PATH not in request.partition(b"\r\n")[0]:
            peer.sendall(_HEADERS + b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE)
            return
        peer.sendall(_HEADERS + b"Connection: close\r\n\r\n")
        pause = threading.Event()
        while not pause.wait(_STREAM_EVERY):
            peer.sendall(bytes(_PIECE))


_asked = threading.local()  # ``here``: the callback for the name in this thread's hello


def _note_name(_socket: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
    _asked.here(name)


@cache
def _server_context() -> ssl.SSLContext:
    """Return a context with a self-signed certificate for every name; the probes do not check it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1", "h2", "dot"])
    context.sni_callback = _note_name
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "own.pem")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(_certificate())
        context.load_cert_chain(file)
    return context


def _certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "qalqan audit")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return private + made.public_bytes(serialization.Encoding.PEM)
