"""Reads the hellos of DTLS 1.0 to 1.3 in the datagrams of one UDP flow (RFC 6347 §4, RFC 9147 §4, §5).

Hellos are never encrypted. A ClientHello has one field more than in TLS, the cookie. It may arrive in
fragments, over several records and datagrams, in any order. After a HelloVerifyRequest or HelloRetryRequest,
the client sends another one with the next message number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.quic.initials import CryptoStream
from gateway.wire.tls.hello import HELLO_RETRY_RANDOM, ClientHello, lenient_client_hello
from gateway.wire.tls.records import CLIENT_HELLO, SERVER_HELLO

# Servers ignore records that they cannot read, so a hello may be anywhere in a datagram. One datagram of
# 1,200 random bytes in 2**28 has such a start, and one in 2**50 a sound fragment of a ClientHello after it.
DTLS_RECORD = b"\x16\xfe"  # in each datagram with a handshake: type, and first byte of any version
_RECORD = re.compile(DTLS_RECORD + rb"[\xfc-\xff]\0\0")  # epoch 0
_RECORD_HEAD, _FRAGMENT_HEAD = 13, 12  # bytes
_HEAD, _RANDOM_END = 4, 34  # bytes of a message's header; offset in a hello after version and random
_SESSION = _RANDOM_END
MAX_DTLS_HELLO = 8 << 10  # bytes: OpenSSL's and Chromium's with post-quantum keys have 1.5 kB
# Hellos in pieces: a flow has one, two or three with their retries. The rest is for decoys.
MAX_PARTS = 8


class DtlsFragment(NamedTuple):
    """A part of one DTLS handshake message."""

    kind: int
    size: int  # bytes of the message, without its header
    number: int  # of the message: 0 for the first hello of each side
    offset: int  # in the message, after its header
    data: bytes


class _PartialHello(NamedTuple):
    number: int
    stream: CryptoStream


class DtlsHellos:
    """Collects the DTLS ClientHellos of one flow until it is decided. Feed it every datagram of the client.

    Raises WireError for a ClientHello over MAX_DTLS_HELLO bytes, and for more than MAX_PARTS incomplete ones.
    """

    __slots__ = ("_partial", "_whole", "last", "seen")

    def __init__(self) -> None:
        self._partial: list[_PartialHello] = []
        self._whole: list[tuple[int, bytes]] = []  # the last complete hellos: number and message
        self.seen = False  # a ClientHello was sent, at least in part
        self.last: ClientHello | None = None  # the last complete one

    @property
    def half_read(self) -> bool:
        """Whether part of an incomplete ClientHello was read."""
        return bool(self._partial)

    @property
    def size(self) -> int:
        """The approximate memory of the stored hellos, in bytes."""
        return len(self._partial) * MAX_DTLS_HELLO + sum(len(message) for _, message in self._whole)

    def from_client(self, datagram: bytes) -> list[ClientHello]:
        """Return the ClientHellos that this datagram completes. One that cannot be parsed is skipped.

        Raises WireError at the limits.
        """
        found = []
        for fragment in _fragments(datagram):
            if fragment.kind != CLIENT_HELLO or not fragment.data:
                continue
            if fragment.size > MAX_DTLS_HELLO:
                msg = f"DTLS hello of {fragment.size} bytes, at most {MAX_DTLS_HELLO}"
                raise WireError(msg)
            self.seen = True
            for message in self._add(fragment):
                self._whole = [*self._whole[1 - MAX_PARTS :], (fragment.number, message)]
                hello = _client_hello(message)
                if hello is not None:
                    found.append(hello)
                    self.last = hello
        return found

    def _add(self, fragment: DtlsFragment) -> list[bytes]:
        """Return the ClientHellos, as bytes, that a fragment completes: more than one only with decoys.

        A fragment that contradicts an earlier one begins another message, since it is unknown which of them
        the server has. Raises WireError for more than MAX_PARTS incomplete ones.
        """
        head = bytes((CLIENT_HELLO,)) + fragment.size.to_bytes(3, "big")
        frames = [(0, head), (_HEAD + fragment.offset, fragment.data)]
        messages, fits = [], False
        for partial in [part for part in self._partial if part.number == fragment.number]:
            try:
                complete = partial.stream.feed(frames)
            except WireError:
                continue
            fits = True
            if complete:
                messages += complete
                self._partial.remove(partial)
        if fits or self._is_known(fragment, head):
            return messages
        if len(fragment.data) == fragment.size:
            return [head + fragment.data]
        if len(self._partial) >= MAX_PARTS:
            msg = f"more than {MAX_PARTS} incomplete DTLS hellos"
            raise WireError(msg)
        stream = CryptoStream(CLIENT_HELLO)
        stream.feed(frames)
        self._partial.append(_PartialHello(fragment.number, stream))
        return []

    def _is_known(self, fragment: DtlsFragment, head: bytes) -> bool:
        """Return whether this fragment is part of a complete hello that was read before: it is resent."""
        return any(
            number == fragment.number
            and message.startswith(head)
            and message.startswith(fragment.data, _HEAD + fragment.offset)
            for number, message in self._whole
        )


def dtls_answer(datagram: bytes) -> bool | None:
    """Return whether a server's datagram has a DTLS ServerHello; None if it has no handshake message.

    A HelloVerifyRequest and a HelloRetryRequest are no answer: the client sends another hello.
    """
    found: bool | None = None
    for fragment in _fragments(datagram):
        begins = fragment.kind == SERVER_HELLO and not fragment.offset
        random = fragment.data[2:_RANDOM_END]
        if begins and len(random) == len(HELLO_RETRY_RANDOM) and random != HELLO_RETRY_RANDOM:
            return True
        found = False
    return found


def _fragments(datagram: bytes) -> Iterator[DtlsFragment]:
    """Yield the DTLS handshake fragments of all records in a datagram, wherever these begin."""
    for start in _RECORD.finditer(datagram):
        pos = start.start() + _RECORD_HEAD
        end = pos + int.from_bytes(datagram[pos - 2 : pos], "big")
        if end > len(datagram):
            continue
        while end - pos >= _FRAGMENT_HEAD:
            head = datagram[pos : pos + _FRAGMENT_HEAD]
            pos += _FRAGMENT_HEAD
            size, number = int.from_bytes(head[1:4], "big"), int.from_bytes(head[4:6], "big")
            offset, length = int.from_bytes(head[6:9], "big"), int.from_bytes(head[9:12], "big")
            if pos + length > end or offset + length > size:
                break
            yield DtlsFragment(head[0], size, number, offset, datagram[pos : pos + length])
            pos += length


def _client_hello(message: bytes) -> ClientHello | None:
    """Parse a DTLS ClientHello with its four-byte header; None if it is invalid and has no name."""
    try:
        at = _HEAD + _SESSION
        at += 1 + message[at]  # session id
        plain = message[:at] + message[at + 1 + message[at] :]  # without the cookie
        return lenient_client_hello(message[:1] + (len(plain) - _HEAD).to_bytes(3, "big") + plain[_HEAD:])
    except (IndexError, WireError):
        return None
