"""A TCP client of its own that sends its first bytes in odd ways, and then behaves: on a device, as root.

Standard input is a JSON list of tries {case, host, decoy, address, version}; the output a JSON list of
{case, data, how}, where ``data`` is how many bytes of an answer to the real request came back.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import random
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.lab import evasions, names
from tests.lab.rawpackets import ACK, FIN, NORMAL, PSH, RST, SYN, Ends, Oddity, Wire, ip, mss_option, tcp
from tests.lab.rawpackets import TCP as PROTO_TCP

# Below the kernel's own range. The gateway still knows the connections of earlier processes, so a process
# begins where none has been for seven minutes: none opens 50 connections a second.
_PORTS = itertools.count(10_000 + int(time.monotonic() * 50) % 22_000)
_SILENCE_RST = """
table inet rawclient {{
  chain out {{ type filter hook output priority 0; tcp sport 10000-32767 tcp flags rst drop; }}
}}
"""
_RESEND_S = 0.2
_AFTER_RESET_S = 0.08  # an evader does not believe in resets: it sends once more and waits
_MSS = 1400


class Connection:
    """One TCP connection. ``offset`` counts the client's bytes from the one after its SYN."""

    def __init__(
        self, wire: Wire, version: int, address: str, dport: int, patience: float, *, window: int = 65535
    ) -> None:
        own = names.TABLET.ipv4 if version == 4 else names.TABLET.ipv6
        packed = [ipaddress.ip_address(text).packed for text in (own, address)]
        self.ends = Ends(version, packed[0], packed[1], next(_PORTS), dport)
        self.patience = patience
        self.reset = False
        self.closed = False
        self.received = bytearray()
        self._wire = wire
        self._isn = random.getrandbits(31) | 1 << 20
        self._next = 0  # the server's next sequence number
        self._early: dict[int, bytes] = {}
        self._sent = bytearray()  # what the server is meant to read, from offset 0
        self._acked = 0
        self._ident = random.getrandbits(15)
        self._usual = Oddity(window=window)
        self._forged = b""

    def open(self, data: bytes = b"", *, mss: int = 0) -> bool:
        """SYN, with ``data`` on it. It is sent again each second without an answer (RFC 6298)."""
        options = mss_option(self.ends.version, mss)
        syn = tcp(self.ends, self._isn, 0, SYN, data, options, self._usual)
        now, again = time.monotonic(), 0.0
        ends = now + self.patience
        while not self._next and not self.reset and now < ends:
            if now >= again:
                self._emit(syn, NORMAL)
                again = now + 1.0
            self.take(0.1)
            now = time.monotonic()
        if self._next:
            self.segment(0, b"", flags=ACK)
        return bool(self._next)

    def _emit(self, segment: bytes, odd: Oddity) -> None:
        self._ident += 1
        for packet in ip(self.ends, PROTO_TCP, segment, odd, self._ident & 0x7FFF):
            self._wire.send(packet)

    def segment(self, offset: int, data: bytes, odd: Oddity | None = None, flags: int = PSH | ACK) -> None:
        """One segment, remembered by nobody."""
        odd = odd or self._usual
        segment = tcp(self.ends, self._isn + 1 + offset, self._next, flags, data, odd=odd)
        self._emit(segment, odd)

    def forge_answer(self, data: bytes) -> None:
        """A segment from the server's address, sent from here: the gateway forwards it back to the LAN.

        It is ignored if it comes back.
        """
        self._forged = data
        ends = Ends(self.ends.version, self.ends.dst, self.ends.src, self.ends.dport, self.ends.sport)
        segment = tcp(ends, self._next, self._isn + 1 + len(self._sent), PSH | ACK, data)
        for packet in ip(ends, PROTO_TCP, segment):
            self._wire.send(packet)

    def promise(self, data: bytes) -> int:
        """``data`` follows what was to be read so far; its offset. ``segment`` or ``resend`` sends it."""
        start = len(self._sent)
        self._sent += data
        return start

    def write(self, data: bytes) -> None:
        """As any client sends it."""
        start = self.promise(data)
        for at in range(0, len(data), _MSS):
            self.segment(start + at, data[at : at + _MSS])

    def resend(self) -> None:
        for at in range(self._acked, len(self._sent), _MSS):
            self.segment(at, bytes(self._sent[at : at + _MSS]))

    @property
    def waits(self) -> bool:
        """Whether the server has not acknowledged everything yet."""
        return self._acked < len(self._sent)

    def take(self, timeout: float) -> None:
        """Read one packet and acknowledge what it holds."""
        found = self._wire.receive(self.ends, timeout)
        if found is None or (found.payload and found.payload == self._forged):
            return
        if found.flags & RST:
            self.reset = True
            return
        if found.flags & SYN and found.flags & ACK:
            self._next = (found.seq + 1) & 0xFFFFFFFF
            self._acked = max(0, found.ack - self._isn - 1)
            return
        self._acked = max(self._acked, (found.ack - self._isn - 1) & 0xFFFFFFFF if found.flags & ACK else 0)
        if found.payload:
            self._early[found.seq] = found.payload
            while (piece := self._early.pop(self._next, None)) is not None:
                self.received += piece
                self._next = (self._next + len(piece)) & 0xFFFFFFFF
            self.segment(len(self._sent), b"", flags=ACK)
        if found.flags & FIN and found.seq + len(found.payload) == self._next:
            self.closed = True

    def end(self) -> None:
        """Leave nothing half-open behind."""
        self.segment(len(self._sent), b"", flags=RST | ACK)


@dataclass
class Secure:
    """The TLS side of a try: what the server is to read, and what it answers."""

    host: str
    large: bool

    def __post_init__(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.large:
            context.set_alpn_protocols(["http/1.1", *(f"{n:03}" + "x" * 200 for n in range(22))])
        else:
            context.set_ecdh_curve("X25519")
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=self.host)
        self._done = self._asked = False
        self.answer = b""

    def hello(self) -> bytes:
        self._advance()
        return self._out.read()

    def feed(self, data: bytes) -> bytes:
        """The server's bytes; ours to be sent."""
        self._in.write(data)
        self._advance()
        return self._out.read()

    def _advance(self) -> None:
        try:
            if not self._done:
                self._tls.do_handshake()
                self._done = True
            if not self._asked:
                self._asked = True
                self._tls.write(
                    f"GET /raw HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode()
                )
            while data := self._tls.read(65536):
                self.answer += data
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            return


def hello(host: str, *, large: bool = False) -> bytes:
    """Just the first flight."""
    return Secure(host, large).hello()


def attempt(wire: Wire, chosen: dict[str, str]) -> tuple[int, str]:
    """Bytes of the answer, and how it ended."""
    case = evasions.CASES[chosen["case"]]
    patience = float(chosen["patience"])
    connection = Connection(wire, int(chosen["version"]), chosen["address"], case.port, patience)
    try:
        if case.http:
            return _plain(connection, case, chosen)
        return _secure(connection, case, chosen)
    finally:
        connection.end()


def _secure(connection: Connection, case: evasions.Case, chosen: dict[str, str]) -> tuple[int, str]:
    secure = Secure(case.spelled(chosen["host"]), case.large)
    first = case.reframed(secure.hello())
    decoy = hello(chosen["decoy"])
    if not connection.open(case.on_syn(first, decoy)):
        return 0, "no connection"
    connection.promise(first)
    case.send(connection, first, decoy)
    fed = 0
    for _ in _turns(connection):
        if len(connection.received) > fed:
            data, fed = bytes(connection.received[fed:]), len(connection.received)
            try:
                ours = secure.feed(data)
            except ssl.SSLError as error:
                return 0, error.reason or "TLS error"
            if ours:
                connection.write(ours)
            if b"</html>" in secure.answer or b"pretended internet" in secure.answer:
                return len(secure.answer), "answered"
    return len(secure.answer), "reset" if connection.reset else "closed" if connection.closed else "silence"


def _plain(connection: Connection, case: evasions.Case, chosen: dict[str, str]) -> tuple[int, str]:
    request = case.request(chosen["host"], chosen["decoy"])
    decoy = evasions.simple_request(chosen["decoy"])
    if not connection.open(case.on_syn(request, decoy)):
        return 0, "no connection"
    connection.promise(request)
    case.send(connection, request, decoy)
    real = f"<h1>{chosen['host']}".encode().lower()
    for _ in _turns(connection):
        if real in bytes(connection.received).lower():
            return len(connection.received), "answered"
        if b"302 Found" in connection.received:
            return 0, "led away"
    return 0, "reset" if connection.reset else "closed" if connection.closed else "silence"


def _turns(connection: Connection) -> Iterator[None]:
    """Read for as long as it makes sense; what is not acknowledged is sent again, as TCP does."""
    ends = time.monotonic() + connection.patience
    resend = time.monotonic() + _RESEND_S
    believed = False
    while time.monotonic() < ends and not connection.closed:
        connection.take(0.02)
        if connection.reset and not believed:
            believed = True
            ends = time.monotonic() + _AFTER_RESET_S
            connection.resend()
        if connection.waits and time.monotonic() > resend:
            connection.resend()
            resend = time.monotonic() + _RESEND_S
        yield


@contextmanager
def without_own_resets() -> Iterator[None]:
    """Keep this machine's kernel from resetting connections that it does not know."""
    subprocess.run(["nft", "-f", "-"], input=_SILENCE_RST.format(), text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "rawclient"], check=False)


def main() -> None:
    with without_own_resets():
        wire = Wire("eth0", names.GATEWAY_MAC)
        found = []
        for chosen in json.load(sys.stdin):
            began = time.monotonic()
            data, how = attempt(wire, chosen)
            ms = round((time.monotonic() - began) * 1000)
            found.append({"case": chosen["case"], "data": data, "how": how, "ms": ms})
        wire.close()
        print(json.dumps(found))


if __name__ == "__main__":
    random.seed(os.urandom(8))
    main()
