"""HTTP/1 request heads (RFC 9112), read as leniently as servers read them.

What one server takes for a Host header and another does not counts as one here: each name that any server
could act on is reported, so that all of them are judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.names import hostname, is_address

# Node and IIS stop at 16 KiB of head; nginx and Apache at 8 KiB a line, which a browser's head without giant
# cookies does not come near.
MAX_HEAD = 16 << 10
_MAX_METHOD = 32  # bytes; the longest registered one, UPDATEREDIRECTREF, has 17

_START = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32})([ \t]?)")
_VERSION = re.compile(rb"HTTP/[0-9]+(?:\.[0-9]+)?", re.IGNORECASE)
# The empty line. Some servers take a CR there alone for one, whatever follows it.
HEAD_END = re.compile(rb"\n(?:\r?\n|\r[^\n])")
# RFC 9112 2.2: a lone LF ends a line for many servers, a lone CR for some.
_LINE_END = re.compile(rb"\r?\n|\r")
_BARE_CR = re.compile(rb"\r(?!\n)")
_ABSOLUTE = re.compile(rb"[a-z][a-z0-9+.-]*://([^/?#\\]*)", re.IGNORECASE)
_PORT = re.compile(rb":[0-9]*\Z")
_BLANK = bytes(range(0x21))  # controls and space: servers differ in which of them they trim
_LF = 0x0A
_LENGTH = re.compile(rb"[0-9]{1,18}")

# Taken for HTTP without a look at the rest of the line: no other protocol that leaves a home begins so.
_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"CONNECT", b"TRACE"))
_HOST = b"host"
_CONTENT_LENGTH = b"content-length"
_TRANSFER_ENCODING = b"transfer-encoding"
_UPGRADE = b"upgrade"
_FRAMING = frozenset((_CONTENT_LENGTH, _TRANSFER_ENCODING))
_WANTED = _FRAMING | {_HOST, _UPGRADE}
_HOST_ALONE = frozenset((_HOST,))

Fields = dict[bytes, list[bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request head: whom it is for, and where the next one begins."""

    method: str  # as sent; "PRI" for the preface of HTTP/2, whose names cannot be read
    target: bytes  # as sent
    hosts: tuple[str, ...]  # every name it gives, normalised: the target's first, then the Host headers'
    fault: Fault | None  # NO_NAME: none, or addresses only; BAD_NAME: one is no host name, or Hosts differ
    head_length: int  # bytes, empty lines before it and the one after it included
    content_length: int  # bytes of body; 0 when chunked
    chunked: bool
    switches: bool  # asks for another protocol on this connection: CONNECT, Upgrade, HTTP/2


def looks_like_http(prefix: bytes) -> bool | None:
    """Whether a client's stream that begins with ``prefix`` is HTTP/1 or the preface of HTTP/2.

    None while too short to tell, which is at most MAX_HEAD bytes.
    """
    start = _skip_empty_lines(prefix)
    begin = _START.match(prefix, start)
    if begin is None:
        return None if start == len(prefix) <= MAX_HEAD else False
    if not begin[2]:
        return None if begin.end() == len(prefix) and len(begin[1]) < _MAX_METHOD else False
    if begin[1] in _METHODS:
        return True
    end = prefix.find(b"\n", start)
    if end < 0:
        return None if len(prefix) <= MAX_HEAD else False
    words = prefix[start:end].split()
    return len(words) > 2 and _VERSION.fullmatch(words[-1]) is not None


def parse_request(data: bytes) -> Request | None:
    """The request whose head ``data`` begins with; None while the head is not complete.

    WireError for a head over MAX_HEAD bytes, for what is no request line (HTTP/0.9 among it), and for body
    lengths that contradict each other, since servers differ in which one they follow.
    """
    start = _skip_empty_lines(data)
    line_end = data.find(b"\n", start)
    if line_end < 0:
        _check_size(len(data))
        return None
    words = _request_line(data[start:line_end])
    method, target = words[0], b" ".join(words[1:-1])
    end = HEAD_END.search(data, line_end)
    _check_size(len(data) if end is None else end.end())
    if end is None:
        return None
    if data[end.end() - 1] != _LF:
        msg = "a line of a head that begins with a lone CR"
        raise WireError(msg)
    if method == b"PRI":
        return Request("PRI", target, (), Fault.NO_NAME, end.end(), 0, chunked=False, switches=True)
    fields = _fields(data[line_end : end.start() + 1])
    hosts, fault = _names(words[:-1], fields.get(_HOST, []))
    chunked = _chunked(fields)
    return Request(
        method=method.decode("ascii"),
        target=target,
        hosts=hosts,
        fault=fault,
        head_length=end.end(),
        content_length=_content_length(fields),
        chunked=chunked,
        switches=method == b"CONNECT" or _UPGRADE in fields,
    )


def stray_request(head: bytes, starts: Iterable[int]) -> Request | None:
    """What the lines of ``head`` ask for, found among other bytes; None when they name no host.

    ``starts``: where its request lines begin. Nothing but names is looked at, since these may be no request.
    """
    hosts: list[str] = []
    method = b""
    for start in starts:
        words = head[start : head.find(b"\n", start)].split()
        if method != b"CONNECT":
            method = words[0]
        hosts += _hosts(_authorities(words[:-1]))[0]
    hosts += _hosts(_fields(head, _HOST_ALONE).get(_HOST, []))[0]
    if not hosts:
        return None
    names = tuple(dict.fromkeys(hosts))
    return Request(method.decode("latin-1"), b"", names, None, len(head), 0, chunked=False, switches=False)


def _check_size(size: int) -> None:
    if size > MAX_HEAD:
        msg = f"HTTP request head of more than {MAX_HEAD} bytes"
        raise WireError(msg)


def _skip_empty_lines(data: bytes) -> int:
    """The offset of the request line: servers pass over empty lines before it (RFC 9112 2.2)."""
    if data[:1] not in (b"\r", b"\n"):
        return 0
    return len(data) - len(data.lstrip(b"\r\n"))


def _request_line(line: bytes) -> list[bytes]:
    """Its words: the method, at least one for the target, the version."""
    words = line.split()
    if len(words) < 3 or _VERSION.fullmatch(words[-1]) is None or _START.fullmatch(words[0]) is None:
        msg = f"no HTTP request line: {line[:80]!r}"
        raise WireError(msg)
    return words


def _fields(block: bytes, wanted: frozenset[bytes] = _WANTED) -> Fields:
    """The values of the wanted fields.

    A folded line continues the value above it (RFC 9112 5.2), and is read as a field of its own as well.
    """
    found: Fields = {}
    last: list[bytes] | None = None
    for line in _LINE_END.split(block):
        if line[:1] in (b" ", b"\t"):
            if last is not None:
                last[-1] += line
        else:
            last = None
        raw_name, colon, value = line.partition(b":")
        name = raw_name.strip(_BLANK).lower()
        if colon and name in wanted:
            if name in _FRAMING and raw_name.lower() != name:
                msg = f"blanks about the name of a field that frames the body: {line[:80]!r}"
                raise WireError(msg)
            last = found.setdefault(name, [])
            last.append(value)
    if not _FRAMING.isdisjoint(found) and _BARE_CR.search(block):
        msg = "a lone CR beside a field that frames the body"
        raise WireError(msg)
    return found


def _names(words: list[bytes], host_fields: list[bytes]) -> tuple[tuple[str, ...], Fault | None]:
    """Every name, once each, and what is wrong with them; ``words``: the method and the target's."""
    asked = _authorities(words)
    first, bad_target = _hosts(asked)
    hosts, bad_field = _hosts(host_fields)
    names = (*first, *[host for host in hosts if host not in first])
    if bad_target or bad_field or len(hosts) > 1:
        return names, Fault.BAD_NAME
    return names, None if names else Fault.NO_NAME


def _authorities(words: list[bytes]) -> list[bytes]:
    """Those that any two words ask for that follow each other. Where blanks are in a target, the request may
    begin in it to a server that has what stands before already.
    """
    if len(words) > 2:
        return [one for at in range(1, len(words)) for one in _authorities(words[at - 1 : at + 1])]
    method, target = words
    absolute = _ABSOLUTE.match(target)
    if absolute is not None:
        return [absolute[1]]
    connects = method == b"CONNECT" or (method.endswith(b"CONNECT") and target[:1] not in (b"/", b"*"))
    return [target] if connects else []


def _hosts(authorities: list[bytes]) -> tuple[list[str], bool]:
    """The distinct names among them, and whether one is no host at all."""
    names: list[str] = []
    bad = False
    for authority in authorities:
        name, wrong = _host(authority.strip(_BLANK))
        bad |= wrong
        if name is not None and name not in names:
            names.append(name)
    return names, bad


def _host(authority: bytes) -> tuple[str | None, bool]:
    """The name in ``[user@]host[:port]``, None for none or an address; and True when it is no host at all."""
    host = _PORT.sub(b"", authority.rpartition(b"@")[2])
    if not host:
        return None, False
    try:
        return hostname(host), False
    except WireError:
        return None, not is_address(host.decode("latin-1"))


def _content_length(fields: Fields) -> int:
    values = {value.strip(_BLANK) for field in fields.get(_CONTENT_LENGTH, []) for value in field.split(b",")}
    if not values:
        return 0
    text = values.pop()
    if values or _LENGTH.fullmatch(text) is None:
        msg = f"Content-Length is no one number: {text[:40]!r}"
        raise WireError(msg)
    return int(text)


def _chunked(fields: Fields) -> bool:
    """RFC 9112 6.1 and 6.3: chunked must be the last coding, and no length may stand beside it."""
    values = fields.get(_TRANSFER_ENCODING)
    if values is None:
        return False
    codings = [coding.strip(_BLANK).lower() for value in values for coding in value.split(b",")]
    if codings[-1] != b"chunked" or codings.count(b"chunked") > 1 or _CONTENT_LENGTH in fields:
        msg = f"Transfer-Encoding that leaves the length open: {b','.join(codings)[:80]!r}"
        raise WireError(msg)
    return True
