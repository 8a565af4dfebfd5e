"""The simulated internet of a filter test: it has every address, and records what arrives.

Runs in a namespace of its own. Nothing is forwarded from it. Its sockets report the destination of a packet
(RFC 3542, ip(7)), so that the response can be sent from that address.
"""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.filter_test import hellos, namespace, tunnels, zone
from gateway.filter_test.namespace import command
from gateway.wire.dns.message import TcpStream, tcp_frame
from gateway.wire.quic.initials import DatagramKind, Initials, long_packets

# Ports of the simulated internet's servers: those that the checks use.
STREAMS = (22, 53, 80, 443, 853, 1080, 1194, 1723, 2222, 3128, 4321, 5228, 5300, 8080, 8443, 9001)
DATAGRAMS = (53, 123, 443, 500, 853, 1194, 1701, 3544, 4321, 4500, 5300, 8443, 51820)
PROTOCOLS = {4: (41, 47, 50, 115), 6: (4, 47, 50, 115)}

# Drops packets that would have expired one hop further.
_ONE_MORE_HOP = """table inet audit { chain hop { type filter hook prerouting priority -400;
  ip ttl 1 drop; ip6 hoplimit 1 drop; }; }"""

_MOST_ARRIVALS = 4_000  # the checks of a test send some hundred; this limits a flood
_HEAD = 512  # bytes of a payload that are stored: two requests

_PATIENCE = 12.0  # seconds of silence on a connection; the longest check takes ten
_TLS = b"\x16"
_METHOD = 4  # bytes that identify a request
_REQUESTS = (b"GET ", b"HEAD", b"POST")
_PIECE = 4096
PAGE = b"the bypass test's own internet"
_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
STREAM_PATH = b"/stream"
_STREAM_EVERY = 0.05  # seconds between the pieces of an endless download
_CONNECTIONS = 256  # the backlog

_LONG_HEADER = 0x80
_MOST_HELLOS = 64  # connections with an incomplete hello; a test has two at a time

_IPV4_WORDS = 0x0F

Peer = tuple[str, int]
Answer = Callable[[bytes, str, Peer], bytes | None]
"""From data, destination address and sender to the response."""

_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO, _IPV6_FREEBIND = 8, 49, 50, 78  # linux/in.h, linux/in6.h
_IN_PKTINFO, _IN6_PKTINFO = struct.Struct("@i4s4s"), struct.Struct("@16si")


class Sink:
    """Starts the servers of the filter test's simulated internet; reports to its parent what reached them.

    Each report has what came since the last one.
    """

    def __init__(self) -> None:
        self._arrivals = Arrivals()

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if request["do"] == "begin":
            for line in request["links"]:
                command("ip", *line.split())
            command("nft", "-f", "-", stdin=_ONE_MORE_HOP)
            self._serve()
            return {}
        return {"seen": self._arrivals.take()}

    def _serve(self) -> None:
        servers: list[StreamServer | DatagramServer | PacketServer] = [
            *(StreamServer(port, self._arrivals) for port in STREAMS),
            *(DatagramServer(port, version, self._arrivals) for port in DATAGRAMS for version in (4, 6)),
            *(
                PacketServer(number, version, self._arrivals)
                for version in (4, 6)
                for number in PROTOCOLS[version]
            ),
        ]
        for server in servers:
            threading.Thread(target=server.serve, daemon=True).start()


class Arrivals:
    """Records the packets and requests that reach the filter test's simulated internet. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[dict[str, object]] = []

    def note(self, transport: str, to: str, port: int, data: bytes = b"", name: str = "") -> None:
        """Record that ``data`` arrived at address ``to`` and ``port``. Only its first 512 bytes are stored.

        ``transport``: ``tcp``, ``udp`` or ``ip``; the port of ``ip`` is the protocol's number. ``name``: the
        requested site, if the bytes name one. At most 4,000 arrivals are recorded between two calls of
        `take`.
        """
        arrival: dict[str, object] = {
            "transport": transport,
            "to": to,
            "port": port,
            "head": data[:_HEAD].hex(),
        }
        if name:
            arrival["name"] = name
        with self._lock:
            if len(self._seen) < _MOST_ARRIVALS:
                self._seen.append(arrival)

    def take(self) -> list[dict[str, object]]:
        """Return the arrivals since the last call, and remove them from the record."""
        with self._lock:
            seen, self._seen = self._seen, []
        return seen


class StreamServer:
    """Accepts connections to one TCP port of every address; answers DNS, TLS, HTTP and tunnel handshakes.

    All that arrives is recorded.
    """

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
    """Return a TLS server context with one self-signed certificate, which it shows for every name.

    The name that a client sends is recorded. The probes do not check the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1", "h2", "dot"])
    context.sni_callback = _note_name
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "own.pem")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(_self_signed())
        context.load_cert_chain(file)
    return context


def _self_signed() -> bytes:
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


class DatagramServer:
    """Answers one UDP port of every address of one IP version: DNS queries, QUIC hellos, tunnel handshakes.

    All that arrives is recorded.
    """

    def __init__(self, port: int, version: int, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._port = port
        self._socket = _open_socket(version, socket.SOCK_DGRAM)
        if version == 6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self._socket.bind(("0.0.0.0" if version == 4 else "::", port))
        self._hellos: dict[object, Initials] = {}  # by connection, after its first datagram

    def serve(self) -> None:
        _serve_packets(self._socket, self._answer)

    def _answer(self, data: bytes, here: str, peer: Peer) -> bytes | None:
        if self._port in zone.PORTS:
            self._arrivals.note("udp", here, self._port, data)
            return zone.answer(data)
        if data and data[0] & _LONG_HEADER and self._port in (443, 853, 8443):
            return self._hello(data, here, peer)
        self._arrivals.note("udp", here, self._port, data)
        return tunnels.answer_datagram(data)

    def _hello(self, data: bytes, here: str, peer: Peer) -> bytes | None:
        """Record a QUIC datagram; return a server's Initial if the client's TLS hello is complete, else None.

        A datagram of an unknown QUIC version is returned unchanged.
        """
        found = long_packets(data)
        initial = next((packet for packet in found if packet.kind is DatagramKind.INITIAL), None)
        if initial is None:  # an unknown version: respond as its server would
            self._arrivals.note("udp", here, self._port, data)
            return data
        key = (peer, here, initial.dcid)
        if len(self._hellos) >= _MOST_HELLOS:
            self._hellos.clear()
        read = self._hellos.setdefault(key, Initials()).from_client(data)
        for client_hello in read:
            self._arrivals.note("udp", here, self._port, data, client_hello.sni or "-")
        return hellos.server_answer(initial.dcid) if read else None


class PacketServer:
    """Receives packets of an IP protocol without ports, such as GRE, over one IP version.

    Records each payload and sends it back.
    """

    def __init__(self, number: int, version: int, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._number = number
        self._version = version
        self._socket = _open_socket(version, socket.SOCK_RAW, number)

    def serve(self) -> None:
        _serve_packets(self._socket, self._answer)

    def _answer(self, data: bytes, here: str, _peer: Peer) -> bytes:
        if self._version == 4:  # raw IPv4 sockets receive the IP header as well
            data = data[(data[0] & _IPV4_WORDS) * 4 :]
        self._arrivals.note("ip", here, self._number, data)
        return data


def _open_socket(version: int, kind: int, protocol: int = 0) -> socket.socket:
    """Return a socket that reports the destination of each packet, and may send from any address.

    ``version``: 4 or 6. ``kind``: ``SOCK_DGRAM`` or ``SOCK_RAW``.
    """
    made = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, kind, protocol)
    if version == 4:
        made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    return made


def _serve_packets(sock: socket.socket, answer: Answer) -> None:
    """Call ``answer`` for each packet, and send its response from the address that the packet was sent to.

    Never returns.
    """
    while True:
        data, extra, _, peer = sock.recvmsg(65535, 128)
        for level, _, info in extra:
            here, back = _origin(level, info)
            try:
                response = answer(data, here, peer[:2])
                if response is not None:
                    sock.sendmsg([response], [back], 0, peer[:2])
            except OSError:
                continue  # the response cannot be sent; it is lost, as on any network


def _origin(level: int, info: bytes) -> tuple[str, tuple[int, int, bytes]]:
    """Return the address that a packet was sent to, and the control message that sends a response from it.

    ``level`` and ``info``: of the control message that the kernel reported with the packet.
    """
    if level == socket.IPPROTO_IP:
        local = _IN_PKTINFO.unpack(info)[2]
        back = _IP_PKTINFO, _IN_PKTINFO.pack(0, local, bytes(4))
        return socket.inet_ntop(socket.AF_INET, local), (level, *back)
    local = _IN6_PKTINFO.unpack(info)[0]
    return socket.inet_ntop(socket.AF_INET6, local), (level, _IPV6_PKTINFO, _IN6_PKTINFO.pack(local, 0))


if __name__ == "__main__":
    namespace.serve(Sink().answer)
