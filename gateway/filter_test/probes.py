"""The probes of the test device, one function each. They report what came back and judge nothing."""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.errors import WireError
from gateway.filter_test import hellos, rawtcp, zone
from gateway.filter_test.rawtcp import Connection, FramePath
from gateway.wire.dns.message import CNAME, HTTPS, IN, SVCB, Encoder, TcpStream, parse_message, tcp_frame
from gateway.wire.dns.svcb import ALPN, DNS_PROTOCOLS, parse_service
from gateway.wire.quic.crypto import VERSION_1
from gateway.wire.quic.initials import DatagramKind, Initials, long_packets
from gateway.wire.tls.build import records

_RECURSION_DESIRED = 0x0100
_CONNECT_S = 2.0
_ANSWER_S = 2.0
_REPEATS, _REPEAT_S = 3, 0.5  # a first datagram may be lost
_PIECE = 4096

Job = Mapping[str, Any]
ProbeResult = dict[str, Any]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _dialled(job: Job) -> socket.socket:
    """Return a TCP connection from the source address to the address and port in ``job``. Raises OSError."""
    sock = socket.socket(_family(job["to"]), socket.SOCK_STREAM)
    try:
        sock.settimeout(_CONNECT_S)
        sock.bind((job["src"], 0))
        sock.connect((job["to"], job["port"]))
        sock.settimeout(_ANSWER_S)
    except OSError:
        sock.close()
        raise
    return sock


def _datagrams(job: Job, messages: list[bytes]) -> list[bytes]:
    """Send UDP messages to the address and port in ``job``, up to three times, 0.5 s apart.

    Return a list with the first datagram that comes back; an empty list if none comes.
    """
    with socket.socket(_family(job["to"]), socket.SOCK_DGRAM) as sock:
        sock.bind((job["src"], 0))
        sock.connect((job["to"], job["port"]))
        for _ in range(_REPEATS):
            try:
                for message in messages:
                    sock.send(message)
            except OSError:
                pass  # an ICMP error, which the probe ignores
            until = time.monotonic() + _REPEAT_S
            while (left := until - time.monotonic()) > 0 and select.select([sock], [], [], left)[0]:
                try:
                    return [sock.recv(_PIECE)]
                except OSError:
                    continue
    return []


# ---------------------------------------------------------------- DNS


def dns(job: Job) -> ProbeResult:
    out = Encoder(int.from_bytes(os.urandom(2), "big"), _RECURSION_DESIRED, (1, 0, 0, 0))
    out.question(tuple(job["name"].encode().split(b".")), job["qtype"], IN)
    answers = _asked_by_tcp(job, out.message()) if job.get("tcp") else _datagrams(job, [out.message()])
    if not answers:
        return {"how": "silence"}
    try:
        return {"how": "answered", **_read_answer(answers[0])}
    except WireError:
        return {"how": "answered with noise"}


def _asked_by_tcp(job: Job, question: bytes) -> list[bytes]:
    stream = TcpStream()
    with _dialled(job) as sock:
        sock.sendall(tcp_frame(question))
        while data := sock.recv(_PIECE):
            if found := stream.feed(data):
                return found
    return []


def _read_answer(data: bytes) -> ProbeResult:
    message = parse_message(data)
    addresses = message.addresses()
    services = [parse_service(data, record) for record in message.answers if record.rtype in (SVCB, HTTPS)]
    params = [pair for service in services for pair in service.params]
    return {
        "rcode": message.rcode,
        "records": len(message.answers),
        "addresses": [str(ipaddress.ip_address(address)) for address in addresses],
        "marker": any(zone.is_marker(address) for address in addresses),
        "alias": any(record.rtype == CNAME for record in message.answers),
        "keys": [key for key, _ in params],
        "dns_alpn": any(token in value for key, value in params if key == ALPN for token in DNS_PROTOCOLS),
    }


# ---------------------------------------------------------------- bytes over TCP, UDP, IP


def stream(job: Job) -> ProbeResult:
    """Send the bytes in ``job`` over an ordinary TCP connection; return whether a response came.

    The result has ``how`` (``answered`` or ``closed``) and ``head``, its first 64 bytes in hexadecimal.
    Raises OSError.
    """
    with _dialled(job) as sock:
        sock.sendall(bytes.fromhex(job["send"]))
        data = sock.recv(_PIECE)
    return {"how": "answered" if data else "closed", "head": data[:64].hex()}


def https(job: Job) -> ProbeResult:
    """Send an HTTP GET over TLS with the job's name in SNI and Host; return whether any bytes came back.

    The certificate is not checked. ``how`` in the result is ``answered`` or ``closed``. Raises OSError if the
    connection, the handshake or the response fails or times out.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The sink's certificate is self-signed.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    with _dialled(job) as sock, context.wrap_socket(sock, server_hostname=job["name"]) as secure:
        secure.sendall(f"GET / HTTP/1.1\r\nHost: {job['name']}\r\n\r\n".encode())
        data = secure.recv(_PIECE)
    return {"how": "answered" if data else "closed"}


def datagram(job: Job) -> ProbeResult:
    answers = _datagrams(job, [bytes.fromhex(job["send"])])
    return {"how": "answered" if answers else "silence"}


def quic(job: Job) -> ProbeResult:
    name = job["name"].encode()
    version = job.get("version", VERSION_1)
    alpn = [job.get("alpn", "h3").encode()]
    sent = hellos.initials(
        hellos.client_hello(name, alpn, quic=True), version=version, pieces=job.get("pieces", 1)
    )
    answers = _datagrams(job, sent)
    if not answers:
        return {"how": "silence"}
    if version != VERSION_1:
        return {"how": "answered"}
    reader = Initials()
    for datagram_sent in sent:
        reader.from_client(datagram_sent)
    initial = any(packet.kind is DatagramKind.INITIAL for packet in long_packets(answers[0]))
    good = initial and reader.from_server(answers[0])
    return {"how": "answered" if good else "answered with noise"}


def packet(job: Job) -> ProbeResult:
    """Send a packet of an IP protocol without ports, such as GRE, up to three times.

    ``how`` in the result is ``answered`` if a packet of the protocol comes from that address, else
    ``silence``.
    """
    with socket.socket(_family(job["to"]), socket.SOCK_RAW, job["number"]) as sock:
        sock.bind((job["src"], 0))
        for _ in range(_REPEATS):
            try:
                sock.sendto(bytes.fromhex(job["send"]), (job["to"], 0))
            except OSError:
                pass
            until = time.monotonic() + _REPEAT_S
            while (left := until - time.monotonic()) > 0 and select.select([sock], [], [], left)[0]:
                if sock.recvfrom(_PIECE)[1][0] == job["to"]:
                    return {"how": "answered"}
    return {"how": "silence"}


# ---------------------------------------------------------------- hellos and requests past the kernel


def hello(job: Job) -> ProbeResult:
    """Send a TLS ClientHello over a hand-made TCP connection; return whether a TLS record came back.

    ``job`` says where it is sent, by which bypass trick of `rawtcp.TRICKS`, and may name a decoy site.
    ``how`` in the result is that of `rawtcp.attempt`, or ``answered by another`` if other bytes came.
    """
    name = None if job.get("name") is None else job["name"].encode("latin-1")
    alpn = [token.encode() for token in job.get("alpn", ("h2", "http/1.1"))]
    data = records(hellos.client_hello(name, alpn, ech=job.get("ech", False)), job.get("record", 0))
    decoy = records(hellos.client_hello(job["decoy"].encode(), alpn)) if "decoy" in job else b""
    return _raw(job, data, decoy, max(0, data.find(name or b"\xff")), b"\x16")


def request(job: Job) -> ProbeResult:
    """Send an HTTP request over a hand-made TCP connection; return whether status 200 came back.

    ``job`` says what is sent where, and by which bypass trick of `rawtcp.TRICKS`. ``how`` in the result is
    that of `rawtcp.attempt`, or ``answered by another`` if another response came.
    """
    data = bytes.fromhex(job["send"])
    return _raw(job, data, b"", max(0, data.lower().find(job["name"].encode())), b"HTTP/1.1 200")


def _raw(job: Job, data: bytes, decoy: bytes, name: int, answer: bytes) -> ProbeResult:
    path = FramePath(job["mac"], job["gateway"], job["interface"])
    connection = Connection(path, job["src"], job["to"], job["port"])
    try:
        how = rawtcp.attempt(connection, job.get("trick", "plain"), data, decoy, name)
    finally:
        connection.close()
    if how == "answered" and not connection.received.startswith(answer):
        how = "answered by another"
    return {"how": how, "head": bytes(connection.received[:64]).hex()}


# ---------------------------------------------------------------- the gateway itself


def door(job: Job) -> ProbeResult:
    """Try to connect to TCP ports of the gateway; return those that accept, as ``ports`` in the result.

    ``job``: its address, and one port or a list. ``how`` is ``answered`` if one accepts, else
    ``refused``.
    """
    ports = job["port"] if isinstance(job["port"], list) else [job["port"]]
    taken = [port for port in ports if _takes({**job, "port": port})]
    return {"how": "answered" if taken else "refused", "ports": taken}


def _takes(job: Job) -> bool:
    try:
        _dialled(job).close()
    except OSError:
        return False
    return True


def page(job: Job) -> ProbeResult:
    """Fetch a page of the gateway's web server over HTTP; return its status code.

    ``status`` in the result is the code, 0 if no HTTP response came; ``how`` is ``answered`` in both cases.
    Raises OSError if the connection or the response fails or times out.
    """
    host = f"[{job['to']}]" if ":" in job["to"] else job["to"]
    with _dialled(job) as sock:
        sock.sendall(f"GET {job['path']} HTTP/1.0\r\nHost: {host}:{job['port']}\r\n\r\n".encode())
        words = sock.recv(_PIECE).split(maxsplit=2)
    return {"how": "answered", "status": int(words[1]) if len(words) > 1 and words[1].isdigit() else 0}


PROBES: Mapping[str, Callable[[Job], ProbeResult]] = {
    "dns": dns, "stream": stream, "https": https, "datagram": datagram, "quic": quic, "packet": packet,
    "hello": hello, "request": request, "door": door, "page": page,
}  # fmt: skip


def run(job: Job) -> ProbeResult:
    """Try one bypass method as ``job`` describes it; return what the test device observed.

    ``how`` in it is ``answered``, ``silence`` (a timeout), ``reset``, or another result or system error.
    """
    try:
        return PROBES[job["probe"]](job)
    except TimeoutError:
        return {"how": "silence"}
    except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
        return {"how": "reset"}
    except OSError as error:
        return {"how": error.strerror or type(error).__name__}
