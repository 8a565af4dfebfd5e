"""A client's bytes become claims: which hosts they ask for, in TLS or in plain HTTP, from which place on.

Where a receiver starts to read is not certain (bytes left of the window look like the start of the stream),
so every place that could be one is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from itertools import chain
from typing import NamedTuple, TypeVar

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.limits import Limits
from gateway.wire.http.head import Request, looks_like_http
from gateway.wire.http.scan import request_starts
from gateway.wire.http.stream import RequestStream
from gateway.wire.tls.hello import ClientHello, read_client_hellos
from gateway.wire.tls.records import looks_like_tls
from gateway.wire.tunnels import Sign

_new = tuple.__new__  # makes a NamedTuple in half the time
_HANDSHAKE = b"\x16"
_NO_STEP = bytes(byte for byte in range(256) if byte not in b"\x16\x17\r\n")  # \x17: a record of early data
_STEP_BYTES = 8  # 2**8 bytes are searched for inner starts in about one step
# As looks_like_tls has it: of the places in random bytes that hold the type, one in 16 is left to look at.
_INNER_RECORD = re.compile(rb"\x16[\x00-\x0f]")
_TLS_PREFIX = 16  # bytes by which looks_like_tls always knows
_HTTP_VERSION = b"HTTP/"

_NOWHERE: frozenset[int] = frozenset()

Item = TypeVar("Item")


class Claim(NamedTuple):
    """The hellos or requests that follow each other from one place on."""

    proto: Proto
    position: int  # of the first byte
    complete: int  # hellos or requests
    asked: tuple[Observation, ...]  # at least one for each, in order
    ends: tuple[int, ...]  # for each of ``asked``, where its hello or request head ends
    broken: bool  # what follows the complete ones is malformed
    requests: tuple[Request, ...] = ()  # in HTTP
    starts: frozenset[int] = _NOWHERE  # where they begin
    bodies: tuple[tuple[int, int], ...] = ()  # of theirs, where those do not count


class Sight(NamedTuple):
    """All that one run of a client's bytes may say."""

    claims: list[Claim]  # those with something complete, and a broken one if it is at the very start
    pending: bool  # a hello or request has begun and is not complete
    unclear: bool  # too short to tell
    tried: int  # places after the first byte that were tried


class Observer:
    """Reads for one flow; ``dst`` (packed) and ``dport`` are the server's."""

    __slots__ = ("_bodies", "_dport", "_dst", "_ech_names", "_most", "work")

    def __init__(self, dst: bytes, dport: int, ech_names: Container[str], limits: Limits) -> None:
        self._dst = dst
        self._dport = dport
        self._ech_names = ech_names
        self._most = limits.candidates
        self._bodies = limits.bodies
        self.work = 0  # steps taken so far: records and lines read

    def look(self, data: bytes) -> Sight:
        """Raises WireError when ``data`` holds more places that may be a start than any correct stream."""
        claims: list[Claim] = []
        steps = _steps(data)
        self.work += steps
        tls = looks_like_tls(data[:_TLS_PREFIX])
        http = looks_like_http(data) if tls is False else None
        pending = False
        if tls or http:
            claim = self._tls(data, 0, steps) if tls else self._http(data, 0, steps)
            if claim.complete or claim.broken:
                claims.append(claim)
            else:
                pending = True
        tried = 0
        for position in _inner_starts(data):
            if any(position in claim.starts for claim in claims):
                continue
            if not self._bodies and any(
                begin <= position < end for claim in claims for begin, end in claim.bodies
            ):
                continue
            tried += 1
            if tried > self._most:
                msg = f"more than {self._most} places that look like the start of a hello or request"
                raise WireError(msg)
            read = self._tls if data[position] == _HANDSHAKE[0] else self._http
            claim = read(data, position, _steps(data[position:]))
            if claim.complete:
                claims.append(claim)
            elif not claim.broken:
                pending = True
        return _new(Sight, (claims, pending, tls is None or (tls is False and http is None), tried))

    def nameless(self, proto: Proto, fault: Fault | None = None) -> Observation:
        return Observation(proto, None, self._dst, self._dport, fault=fault)

    def tunnel(self, sign: Sign) -> Observation:
        return Observation(sign.proto, sign.host, self._dst, self._dport, sign.qtype)

    def requests(self, found: Iterable[Request]) -> tuple[Observation, ...]:
        """One observation for each name of each request, and one more where it asks a proxy for a tunnel."""
        return tuple(one for request in found for one in self._request(request))

    def _request(self, request: Request) -> list[Observation]:
        asked = [
            Observation(Proto.HTTP, host, self._dst, self._dport, fault=request.fault)
            for host in request.hosts or (None,)
        ]
        if request.method == "CONNECT":
            asked.append(asked[0]._replace(proto=Proto.PROXY, fault=None))
        return asked

    def _tls(self, data: bytes, position: int, steps: int) -> Claim:
        found, broken = self._read(read_client_hellos, data[position:] if position else data, steps)
        asked = tuple([self._hello(hello) for hello, _ in found])
        ends = tuple([position + end for _, end in found])
        if any(hello.others for hello, _ in found):
            asked, ends = self._with_others(found, asked, ends)
        return _new(Claim, (Proto.TLS, position, len(found), asked, ends, broken, (), _NOWHERE, ()))

    @staticmethod
    def _with_others(
        found: list[tuple[ClientHello, int]], asked: tuple[Observation, ...], ends: tuple[int, ...]
    ) -> tuple[tuple[Observation, ...], tuple[int, ...]]:
        """One observation for each name of a hello that has several."""
        names = [(hello.sni, *hello.others) for hello, _ in found]
        return (
            tuple([one._replace(host=name) for one, each in zip(asked, names, strict=True) for name in each]),
            tuple([end for end, each in zip(ends, names, strict=True) for _ in each]),
        )

    def _http(self, data: bytes, position: int, steps: int) -> Claim:
        bodies: list[tuple[int, int]] = []

        def read(data: bytes) -> list[tuple[Request, int]]:
            """The requests, and where the head of each ends."""
            stream = RequestStream(bodies=self._bodies)
            found = list(zip(stream.feed(data), stream.ends, strict=True))
            bodies[:] = [(position + begin, position + end) for begin, end in stream.bodies]
            return found

        found, broken = self._read(read, data[position:] if position else data, steps)
        starts = frozenset([position + end - request.head_length for request, end in found])
        requests = tuple([request for request, _ in found])
        each = [(self._request(request), position + end) for request, end in found]
        asked = tuple([one for several, _ in each for one in several])
        ends = tuple([end for several, end in each for _ in several])
        self.work += len(asked)
        return Claim(Proto.HTTP, position, len(found), asked, ends, broken, requests, starts, tuple(bodies))

    def _read(self, read: Callable[[bytes], list[Item]], data: bytes, steps: int) -> tuple[list[Item], bool]:
        """What ``read`` finds before it meets something malformed, and whether it did.

        ``steps``: those of ``data``. ``read`` raises for every prefix from some length on, so that length is
        found by halving.
        """
        self.work += steps
        try:
            return read(data), False
        except WireError:
            pass
        found: list[Item] = []
        good, bad = 0, len(data)
        while bad - good > 1:
            middle = (good + bad) // 2
            self.work += _steps(data[:middle])
            try:
                found = read(data[:middle])
                good = middle
            except WireError:
                bad = middle
        return found, True

    def _hello(self, hello: ClientHello) -> Observation:
        fault = Fault.ECH if hello.hides_name(self._ech_names) else hello.fault
        return _new(Observation, (Proto.TLS, hello.sni, self._dst, self._dport, 0, fault, hello.alpn))


def _steps(data: bytes) -> int:
    """About how many records and lines there are to read."""
    # One pass: 1.5 us for 1500 bytes, three counts take 4.
    return 4 + len(data.translate(None, _NO_STEP)) + (len(data) >> _STEP_BYTES)


def _inner_starts(data: bytes) -> Iterable[int]:
    """Places after the first byte where a hello or a request may begin."""
    starts = []
    for found in _INNER_RECORD.finditer(data, 1):
        position = found.start()
        head = data[position : position + _TLS_PREFIX]
        if looks_like_tls(head) and head[5:6] in (b"", b"\x01"):
            starts.append(position)
    if data.find(_HTTP_VERSION, 1) < 0:
        return starts
    return chain(starts, filter(None, request_starts(data)))
