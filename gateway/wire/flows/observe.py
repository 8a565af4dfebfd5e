"""Finds the hosts that a client asks for in its bytes, by TLS or plain HTTP, and the position of each.

It is not certain where a receiver starts to read: bytes before its window look like the start of the stream.
So every position that may be a start is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from itertools import chain
from typing import NamedTuple, TypeVar

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import Recognise, recognise_nothing
from gateway.wire.flows.limits import Limits
from gateway.wire.http.head import HttpRequest, looks_like_http
from gateway.wire.http.stream import RequestStream, request_starts
from gateway.wire.tls.hello import ClientHello, read_client_hellos
from gateway.wire.tls.records import looks_like_tls
from gateway.wire.tunnels import TunnelSign

_new = tuple.__new__  # builds a NamedTuple in half the time
_HANDSHAKE = b"\x16"
_NO_STEP = bytes(byte for byte in range(256) if byte not in b"\x16\x17\r\n")  # \x17: a record of early data
_STEP_BYTES = 8  # 2**8 bytes are searched for inner starts in about one step of work
_LARGE = 1 << 12  # bytes of a hello from which on its records are counted exactly, which takes 1 us more
_VERSIONS = 3  # 2**3 versions of HTTP are searched for a request line in about one step
# As in looks_like_tls. Of the positions in random bytes with this type, one in 16 remains to be checked.
_INNER_RECORD = re.compile(rb"\x16[\x00-\x0f]")
_EARLY_RECORD = re.compile(rb"\x17[\x00-\x0f]")
_TLS_PREFIX = 16  # bytes that are always enough for looks_like_tls
_HTTP_VERSION = b"HTTP/"
_H2C = ("h2c",)  # the ALPN id of HTTP/2 in clear text (RFC 7540 §3.1)

_NOWHERE: frozenset[int] = frozenset()

Item = TypeVar("Item")


class HostClaim(NamedTuple):
    """The hosts that a client asks for, in consecutive TLS hellos or HTTP requests from one position on.

    Positions and ends are offsets in the bytes that were searched.
    """

    proto: Proto
    position: int  # of the first byte
    complete: int  # number of complete hellos or requests
    asked: tuple[Observation, ...]  # at least one for each, in order
    ends: tuple[int, ...]  # for each of ``asked``, the end of its hello or request head
    broken: bool  # the bytes after the complete ones are malformed
    requests: tuple[HttpRequest, ...] = ()  # of HTTP
    starts: frozenset[int] = _NOWHERE  # of the requests
    bodies: tuple[tuple[int, int], ...] = ()  # of the requests, if bodies are not scanned


class StreamClaims(NamedTuple):
    """All TLS hellos and HTTP requests that were found in one run of a client's bytes.

    They may begin at any position that may be a start of the stream.
    """

    claims: list[HostClaim]  # those with a complete hello or request, and a broken one at the start
    pending: bool  # a hello or request has begun and is incomplete
    unclear: bool  # more bytes are needed
    tried: int  # positions after the first byte that were tried


class Observer:
    """Finds the hosts that a client asks for in its bytes; ``dst`` (packed) and ``dport`` are the server's.

    ``signature`` has the services whose signatures the client's first bytes matched (`recognise`).
    """

    __slots__ = ("_bodies", "_dport", "_dst", "_ech_names", "_most", "_recognise", "signature", "work")

    def __init__(
        self,
        dst: bytes,
        dport: int,
        ech_names: Container[str],
        limits: Limits,
        recognise: Recognise = recognise_nothing,
    ) -> None:
        self._dst = dst
        self._dport = dport
        self._ech_names = ech_names
        self._most = limits.candidates
        self._bodies = limits.bodies
        self._recognise = recognise
        self.signature: tuple[str, ...] = ()
        self.work = 0  # steps so far: records and lines read

    def recognise(self, start: bytes) -> None:
        """Add services to ``signature``: those that ``start``, the client's first bytes, matches."""
        found = self._recognise("tcp", start, self._dport)
        if found and found != self.signature:
            self.signature = tuple(dict.fromkeys(self.signature + found))

    def look(self, data: bytes) -> StreamClaims:
        """Return the hosts that TLS hellos and HTTP requests in ``data`` ask for, wherever they begin.

        Raises WireError if too many positions look like the start of one.
        """
        claims: list[HostClaim] = []
        tls = looks_like_tls(data[:_TLS_PREFIX])
        steps = _record_steps(data) if tls else _steps(data)
        self.work += steps + (data.count(_HTTP_VERSION) >> _VERSIONS)
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
            if data[position] == _HANDSHAKE[0]:
                claim = self._tls(data, position, _record_steps(data[position:]))
            else:
                claim = self._http(data, position, _steps(data[position:]))
            if claim.complete:
                claims.append(claim)
            elif not claim.broken:
                pending = True
        return _new(StreamClaims, (claims, pending, tls is None or (tls is False and http is None), tried))

    def hellos(self, data: bytes, known: int) -> tuple[list[Observation], int]:
        """Return the observations of the TLS hellos in ``data`` that end after ``known``: one for each name.

        A hello without a name has one too. ``known``: an offset in ``data``. The hellos may begin
        anywhere. Also returns the offset of
        the first one that is incomplete, or the length of ``data``. Raises WireError if too many
        positions look like the start of one.
        """
        found: list[Observation] = []
        rest = len(data)
        tried = 0
        position = data.find(_HANDSHAKE)
        while position >= 0:
            head = data[position : position + _TLS_PREFIX]
            tls = looks_like_tls(head)
            if tls and head[5:6] in (b"", b"\x01"):
                tried += 1
                claim = self._tls(data, position, _steps(data[position:]))
                found += [seen for seen, end in zip(claim.asked, claim.ends, strict=True) if end > known]
                tls = None if not (claim.complete or claim.broken) else False
            if tls is None:
                rest = min(rest, position)
            if tried > self._most:
                msg = f"more than {self._most} places that look like the start of a hello"
                raise WireError(msg)
            position = data.find(_HANDSHAKE, position + 1)
        return found, rest

    def nameless(self, proto: Proto, fault: Fault | None = None) -> Observation:
        """Return an observation of this flow without a host, with its fault if any."""
        return Observation(proto, None, self._dst, self._dport, fault=fault, signature=self.signature)

    def tunnel(self, sign: TunnelSign) -> Observation:
        """Return the observation (protocol, host, query type) of a tunnel or of DNS on another port."""
        return Observation(sign.proto, sign.host, self._dst, self._dport, sign.qtype)

    def requests(self, found: Iterable[HttpRequest]) -> tuple[Observation, ...]:
        """Return one observation for each name of each request, and one more for a CONNECT or DNS inside.

        A request without a name has one observation, without a host.
        """
        return tuple(observation for request in found for observation in self._request(request))

    def _request(self, request: HttpRequest) -> list[Observation]:
        alpn = _H2C if request.http2 else ()
        asked = [
            Observation(Proto.HTTP, host, self._dst, self._dport, fault=request.fault, alpn=alpn)
            for host in request.hosts or (None,)
        ]
        if request.method == "CONNECT":
            asked.append(asked[0]._replace(proto=Proto.PROXY, fault=None))
        # First, because the last one is that of the connection.
        return asked if request.dns is None else [self.tunnel(request.dns), *asked]

    def _tls(self, data: bytes, position: int, steps: int) -> HostClaim:
        data = data[position:] if position else data
        found, broken = self._read(read_client_hellos, data, steps, _record_steps)
        asked = tuple([self._hello(hello) for hello, _ in found])
        ends = tuple([position + end for _, end in found])
        if any(hello.others for hello, _ in found):
            asked, ends = self._with_others(found, asked, ends)
        return _new(HostClaim, (Proto.TLS, position, len(found), asked, ends, broken, (), _NOWHERE, ()))

    @staticmethod
    def _with_others(
        found: list[tuple[ClientHello, int]], asked: tuple[Observation, ...], ends: tuple[int, ...]
    ) -> tuple[tuple[Observation, ...], tuple[int, ...]]:
        """Return one observation for each name of each hello, and the end of the hello for each of them.

        ``asked`` and ``ends`` have one for each hello in ``found``.
        """
        names = [(hello.sni, *hello.others) for hello, _ in found]
        return (
            tuple(
                [seen._replace(host=name) for seen, each in zip(asked, names, strict=True) for name in each]
            ),
            tuple([end for end, each in zip(ends, names, strict=True) for _ in each]),
        )

    def _http(self, data: bytes, position: int, steps: int) -> HostClaim:
        bodies: list[tuple[int, int]] = []

        def read(data: bytes) -> list[tuple[HttpRequest, int]]:
            """Return each HTTP request with the end of its head, an offset in ``data``. Raises WireError.

            Also stores the positions of the bodies in ``bodies``.
            """
            stream = RequestStream(bodies=self._bodies)
            try:
                found = list(zip(stream.feed(data), stream.ends, strict=True))
            finally:
                self.work += stream.http2_work
            bodies[:] = [(position + begin, position + end) for begin, end in stream.bodies]
            return found

        found, broken = self._read(read, data[position:] if position else data, steps, _steps)
        starts = frozenset([position + end - request.head_length for request, end in found])
        requests = tuple([request for request, _ in found])
        each = [(self._request(request), position + end) for request, end in found]
        asked = tuple([observation for several, _ in each for observation in several])
        ends = tuple([end for several, end in each for _ in several])
        self.work += len(asked)
        return HostClaim(
            Proto.HTTP, position, len(found), asked, ends, broken, requests, starts, tuple(bodies)
        )

    def _read(
        self,
        read: Callable[[bytes], list[Item]],
        data: bytes,
        steps: int,
        steps_of: Callable[[bytes], int],
    ) -> tuple[list[Item], bool]:
        """Return what ``read`` finds before malformed bytes, and whether there are any.

        ``steps`` is the work to read ``data``, which is added to ``work``. ``read`` raises WireError for
        every prefix above some length, which is found by bisection.
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
            self.work += steps_of(data[:middle])
            try:
                found = read(data[:middle])
                good = middle
            except WireError:
                bad = middle
        return found, True

    def _hello(self, hello: ClientHello) -> Observation:
        fault = Fault.ECH if hello.hides_name(self._ech_names) else hello.fault
        return _new(Observation, (Proto.TLS, hello.sni, self._dst, self._dport, 0, fault, hello.alpn, ()))


def _steps(data: bytes) -> int:
    """Return the approximate work to read ``data``, in steps: records and lines."""
    # One pass: 1.5 us for 1500 bytes; three counts take 4.
    return 4 + len(data.translate(None, _NO_STEP)) + (len(data) >> _STEP_BYTES)


def _record_steps(data: bytes) -> int:
    """Return the approximate work to read ``data`` as TLS, in steps.

    In a large hello, a type of a record alone is not counted: 64 kB have 500 such bytes by chance.
    """
    if len(data) < _LARGE:
        return _steps(data)
    records = len(_INNER_RECORD.findall(data)) + len(_EARLY_RECORD.findall(data))
    return 4 + records + (len(data) >> _STEP_BYTES)


def _inner_starts(data: bytes) -> Iterable[int]:
    """Return the positions after the first byte at which a TLS hello or an HTTP request may begin."""
    starts = []
    for found in _INNER_RECORD.finditer(data, 1):
        position = found.start()
        head = data[position : position + _TLS_PREFIX]
        if looks_like_tls(head) and head[5:6] in (b"", b"\x01"):
            starts.append(position)
    if data.find(_HTTP_VERSION, 1) < 0:
        return starts
    return chain(starts, filter(None, request_starts(data)))
