"""The tricks: what circumvention tools do to a hello or a request so that a filter misreads it.

A case says how the first bytes are cut, wrapped and ordered, and what goes before them. ``ordinary`` ones are
also what correct clients and networks do, or what servers put up with: on an allowed name they must work.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.rawpackets import ACK, PSH, RST, SYN, Oddity
from tests.wire.tls_forge import record, server_hello

if TYPE_CHECKING:
    from tests.lab.rawclient import Connection

Send = Callable[["Connection", bytes, bytes], None]
"""Sends the real first bytes, which are promised already; the last argument is a decoy's."""

LOST_S = 2.5  # longer than a decided connection is remembered
DIES_ON_THE_WAY = Oddity(
    ttl=2
)  # one hop past the gateway; the pretended internet drops what has one hop left


@dataclass(frozen=True, slots=True)
class Case:
    """One trick."""

    send: Send
    ordinary: bool = True
    http: bool = False
    port: int = 443
    large: bool = False  # a hello of several segments
    reframed: Callable[[bytes], bytes] = lambda data: data  # the hello in other records
    spelled: Callable[[str], str] = lambda host: host
    on_syn: Callable[[bytes, bytes], bytes] = lambda real, decoy: b""
    request: Callable[[str, str], bytes] = lambda host, decoy: simple_request(host)


def simple_request(host: str, method: bytes = b"GET", name: bytes = b"Host", colon: bytes = b": ") -> bytes:
    return method + b" /raw HTTP/1.1\r\n" + name + colon + host.encode() + b"\r\n\r\n"


# ------------------------------------------------------------------------------------ cutting and ordering


def pieces(data: bytes, cuts: Sequence[int]) -> list[tuple[int, bytes]]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [(start, data[start:end]) for start, end in itertools.pairwise(edges) if end > start]


def split(*cuts: int, backwards: bool = False, odd: Oddity | None = None) -> Send:
    """Cut at these offsets; negative ones count from the end."""

    def send(connection: Connection, real: bytes, _decoy: bytes) -> None:
        parts = pieces(real, [cut if cut >= 0 else len(real) + cut for cut in cuts])
        for start, part in reversed(parts) if backwards else parts:
            connection.segment(start, part, odd or Oddity())

    return send


def around(marker: Callable[[bytes], int], *offsets: int, backwards: bool = False) -> Send:
    """Cut at offsets from a place in the data."""

    def send(connection: Connection, real: bytes, decoy: bytes) -> None:
        at = marker(real)
        split(*(at + offset for offset in offsets), backwards=backwards)(connection, real, decoy)

    return send


def every(size: int, *, backwards: bool = False) -> Send:
    def send(connection: Connection, real: bytes, decoy: bytes) -> None:
        split(*range(size, len(real), size), backwards=backwards)(connection, real, decoy)

    return send


def in_the_name(data: bytes) -> int:
    """The middle of the first name of a site in it, whatever it is."""
    for name in (b"tiktok", b"example", b"TikTok", b"eXamPle"):
        if (at := data.find(name)) >= 0:
            return at + 3
    return len(data) // 2


# ------------------------------------------------------------------------------------ something before it


def after_a_decoy(odd: Oddity, then: Send | None = None) -> Send:
    """A whole fake first, which the server is not meant to believe."""

    def send(connection: Connection, real: bytes, decoy: bytes) -> None:
        connection.segment(0, decoy, odd)
        (then or split())(connection, real, decoy)

    return send


def after_a_control(flags: int, odd: Oddity) -> Send:
    def send(connection: Connection, real: bytes, decoy: bytes) -> None:
        connection.segment(0, b"", odd, flags)
        split()(connection, real, decoy)

    return send


def a_syn_in_between(connection: Connection, real: bytes, decoy: bytes) -> None:
    """The server challenges it and reads on; who takes it for a new connection reads half a decoy."""
    half = len(real) * 3 // 4
    connection.segment(0, real[:half])
    connection.segment(-1000, b"x", Oddity(flags=SYN))
    connection.segment(0, (decoy + bytes(half))[:half], DIES_ON_THE_WAY)
    connection.segment(half, real[half:])


def left_of_the_window(connection: Connection, real: bytes, decoy: bytes) -> None:
    """The decoy's bytes lie before the first one, so the server cuts them off."""
    junk = decoy[:64]
    connection.segment(-len(junk), junk + real)


def a_decoy_left_of_the_window(connection: Connection, real: bytes, decoy: bytes) -> None:
    connection.segment(-len(decoy), decoy)
    connection.segment(0, real)


def hidden_by_overlap(connection: Connection, real: bytes, decoy: bytes) -> None:
    """The decoy comes ahead of its place, and dies on the way; the real one fills it."""
    half = in_the_name(real)
    fake = (decoy + bytes(len(real)))[: len(real)]
    connection.segment(half, fake[half:], DIES_ON_THE_WAY)
    connection.segment(half, real[half:])
    connection.segment(0, fake[:half], DIES_ON_THE_WAY)
    connection.segment(0, real[:half])


def real_hidden_by_overlap(connection: Connection, real: bytes, decoy: bytes) -> None:
    """Both reach the server, out of order: it takes one of them."""
    half = in_the_name(real)
    fake = (decoy + bytes(len(real)))[: len(real)]
    connection.segment(half, real[half:])
    connection.segment(half, fake[half:])
    connection.segment(0, real[:half])


def with_an_urgent_byte(connection: Connection, real: bytes, decoy: bytes) -> None:
    """One byte inside the name that the server does not read with the others."""
    at = in_the_name(real)
    # The urgent byte takes a sequence number, so all that follows is one further on.
    connection.promise(b"\0")
    connection.segment(0, real[:at] + b"x" + real[at:], Oddity(urgent=at + 1))


def dripped_with_decoys(connection: Connection, real: bytes, decoy: bytes) -> None:
    for start, part in pieces(real, range(40, len(real), 40)):
        connection.segment(start, (decoy * 3)[: len(part)], DIES_ON_THE_WAY)
        connection.segment(start, part)


def lost_at_first(connection: Connection, real: bytes, _decoy: bytes) -> None:
    """The server gets it seconds later, when it is sent again."""
    connection.segment(0, real, DIES_ON_THE_WAY)
    time.sleep(LOST_S)


def in_halves_after_a_decoy(connection: Connection, real: bytes, decoy: bytes) -> None:
    """The halves come before and after the two seconds for which a decided connection is remembered."""
    connection.segment(0, decoy, DIES_ON_THE_WAY)
    half = in_the_name(real)
    time.sleep(1.9)
    connection.segment(0, real[:half])
    time.sleep(0.3)
    connection.segment(half, real[half:])


def after_a_forged_answer(connection: Connection, real: bytes, decoy: bytes) -> None:
    """A fake that the server never gets, and an answer to it that the device sends to itself."""
    connection.segment(0, decoy, DIES_ON_THE_WAY)
    time.sleep(0.1)
    connection.forge_answer(record(server_hello(), version=0x0303))
    time.sleep(0.1)
    connection.segment(0, real)


def twice(connection: Connection, real: bytes, decoy: bytes) -> None:
    connection.segment(0, real)
    connection.segment(0, real)


# ------------------------------------------------------------------------------------ TLS records


def records(*cuts: int, version: bytes = b"\x03\x01") -> Callable[[bytes], bytes]:
    """The hello's handshake message in several records."""

    def reframe(data: bytes) -> bytes:
        body = data[5:]
        inside = [cut if cut >= 0 else len(body) + cut for cut in cuts]
        return b"".join(
            b"\x16" + version + len(part).to_bytes(2, "big") + part for _, part in pieces(body, inside)
        )

    return reframe


def records_in_the_name(data: bytes) -> bytes:
    return records(in_the_name(data[5:]))(data)


def records_of(size: int) -> Callable[[bytes], bytes]:
    return lambda data: records(*range(size, len(data) - 5, size))(data)


def behind(prefix: bytes) -> Callable[[bytes], bytes]:
    return lambda data: prefix + data


CCS, WARNING = b"\x14\x03\x03\x00\x01\x01", b"\x15\x03\x01\x00\x02\x01\x70"


# ------------------------------------------------------------------------------------ HTTP


def pipelined(host: str, decoy: str) -> bytes:
    return simple_request(decoy) + simple_request(host)


def absolute(host: str, decoy: str) -> bytes:
    return f"GET http://{host}/raw HTTP/1.1\r\nHost: {decoy}\r\n\r\n".encode()


def two_hosts(host: str, decoy: str) -> bytes:
    return f"GET /raw HTTP/1.1\r\nHost: {decoy}\r\nHost: {host}\r\n\r\n".encode()


def padded(host: str, _decoy: str) -> bytes:
    return f"GET /raw HTTP/1.1\r\nX-Padding: {'x' * 3000}\r\nHost: {host}\r\n\r\n".encode()


def second_after_the_first(connection: Connection, real: bytes, _decoy: bytes) -> None:
    """On a connection that is kept: the second request once the first one is answered."""
    at = real.rindex(b"GET ")
    connection.segment(0, real[:at])
    for _ in range(30):
        connection.take(0.02)
        if b"</h1>" in connection.received:
            break
    connection.segment(at, real[at:])


def _upper_lower(host: str) -> str:
    return "".join(letter.upper() if place % 2 else letter for place, letter in enumerate(host))


def _web(send: Send | None = None, *, ordinary: bool = True, port: int = 80, **named: object) -> Case:
    return Case(send or split(), ordinary=ordinary, http=True, port=port, **named)  # type: ignore[arg-type]


TLS_CASES = {
    "plain": Case(split()),
    "port 8443": Case(split(), port=8443),
    "split after 1": Case(split(1)),
    "split in the record header": Case(split(3)),
    "split after the record header": Case(split(5)),
    "split in the handshake header": Case(split(7)),
    "split after the random": Case(split(43)),
    "split in the name": Case(around(in_the_name, 0)),
    "split around the name": Case(around(in_the_name, -8, 0, 12)),
    "split before the last byte": Case(split(-1)),
    "5 bytes each": Case(every(5)),
    "one byte each, the first 60": Case(split(*range(1, 60))),
    "2 backwards": Case(around(in_the_name, 0, backwards=True)),
    "3 backwards": Case(around(in_the_name, -8, 4, backwards=True)),
    "40 bytes each, backwards": Case(every(40, backwards=True)),
    "twice": Case(twice),
    "lost on the way at first": Case(lost_at_first),
    "large": Case(every(1400), large=True),
    "large, backwards": Case(every(1400, backwards=True), large=True),
    "capital letters": Case(split(), spelled=_upper_lower),
    "two records": Case(split(), reframed=records_in_the_name),
    "records of 10 bytes": Case(split(), reframed=records_of(10)),
    "two records, split in their headers": Case(around(in_the_name, 2, 4), reframed=records_in_the_name),
    "records of 30 bytes, backwards": Case(every(50, backwards=True), reframed=records_of(30)),
    "record version 3.3": Case(split(), reframed=records(version=b"\x03\x03")),
    "a ChangeCipherSpec first": Case(split(), ordinary=False, reframed=behind(CCS)),
    "a warning first": Case(split(), ordinary=False, reframed=behind(WARNING)),
    "IP fragments": Case(split(odd=Oddity(fragments=64))),
    "IP fragments, backwards": Case(split(odd=Oddity(fragments=64, backwards=True))),
    "IP fragments in the TCP header": Case(split(odd=Oddity(fragments=16))),
    "a fake that dies on the way": Case(after_a_decoy(DIES_ON_THE_WAY)),
    "a fake that dies on the way, and halves seconds later": Case(in_halves_after_a_decoy),
    "a fake that dies on the way, with a forged answer": Case(after_a_forged_answer),
    "a fake that dies on the way, then split": Case(
        after_a_decoy(DIES_ON_THE_WAY, around(in_the_name, 0, backwards=True))
    ),
    "a fake that dies on the way, then six pieces backwards": Case(
        after_a_decoy(DIES_ON_THE_WAY, around(in_the_name, -40, -5, 0, 4, 30, backwards=True))
    ),
    "a fake with a bad checksum": Case(after_a_decoy(Oddity(bad_checksum=True))),
    "a fake with an old number": Case(after_a_decoy(Oddity(seq=-10_000))),
    "a fake just left of the window": Case(a_decoy_left_of_the_window),
    "a fake far ahead": Case(after_a_decoy(Oddity(seq=500_000))),
    "a fake with a bad ack": Case(after_a_decoy(Oddity(ack=-66_000))),
    "a fake with an ack ahead": Case(after_a_decoy(Oddity(ack=66_000))),
    "a fake with an MD5 option": Case(after_a_decoy(Oddity(md5=True))),
    "a fake without ACK": Case(after_a_decoy(Oddity(flags=PSH))),
    "a fake on a second SYN": Case(after_a_decoy(Oddity(flags=SYN)), ordinary=False),
    "a SYN in between": Case(a_syn_in_between, ordinary=False),
    "a fake on the SYN": Case(split(), on_syn=lambda real, decoy: decoy),
    "the real one on the SYN": Case(split(), on_syn=lambda real, decoy: real),
    "the real one on the SYN, then a fake": Case(
        after_a_decoy(DIES_ON_THE_WAY), on_syn=lambda real, decoy: real
    ),
    "a fake reset with a bad checksum": Case(after_a_control(RST | ACK, Oddity(bad_checksum=True))),
    "a fake reset that dies on the way": Case(after_a_control(RST | ACK, DIES_ON_THE_WAY), ordinary=False),
    "bytes left of the window": Case(left_of_the_window),
    "an overlap that dies on the way": Case(hidden_by_overlap, ordinary=False),
    "an overlap of two": Case(real_hidden_by_overlap, ordinary=False),
    "a fake before each piece": Case(dripped_with_decoys, ordinary=False),
    "an urgent byte": Case(with_an_urgent_byte, ordinary=False),
}

HTTP_CASES = {
    "http": _web(),
    "http: port 8080": _web(port=8080),
    "http: split in the host": _web(around(in_the_name, 0)),
    "http: split in the host, backwards": _web(around(in_the_name, 0, backwards=True)),
    "http: split in the method": _web(split(2)),
    "http: 3 bytes each": _web(every(3)),
    "http: 3 bytes each, backwards": _web(every(3, backwards=True)),
    "http: hoSt": _web(request=lambda host, decoy: simple_request(host, name=b"hoSt")),
    "http: no space": _web(request=lambda host, decoy: simple_request(host, colon=b":")),
    "http: a tab": _web(request=lambda host, decoy: simple_request(host, colon=b":\t")),
    "http: capital letters": _web(request=lambda host, decoy: simple_request(_upper_lower(host))),
    "http: a dot at the end": _web(request=lambda host, decoy: simple_request(host + ".")),
    "http: 3 kB before the host": _web(every(1400), request=padded),
    "http: the second of two": _web(request=pipelined),
    "http: the second, later": _web(second_after_the_first, request=pipelined),
    "http: an absolute target": _web(request=absolute),
    "http: two hosts": _web(ordinary=False, request=two_hosts),
    "http: unix line ends": _web(
        ordinary=False, request=lambda host, decoy: simple_request(host).replace(b"\r\n", b"\n")
    ),
    "http: with a port": _web(request=lambda host, decoy: simple_request(host + ":80")),
    "http: a fake that dies on the way": _web(after_a_decoy(DIES_ON_THE_WAY)),
    "http: a fake with a bad checksum": _web(after_a_decoy(Oddity(bad_checksum=True))),
    "http: IP fragments": _web(split(odd=Oddity(fragments=40))),
    "http: an urgent byte": _web(with_an_urgent_byte, ordinary=False),
    "http: on the SYN": _web(on_syn=lambda real, decoy: real),
}

CASES = {**TLS_CASES, **HTTP_CASES}
