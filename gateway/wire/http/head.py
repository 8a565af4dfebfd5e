"""Parses HTTP/1 request heads (RFC 9112), as leniently as servers do.

Servers differ in what they accept as a Host header. Every name that any server could use is reported, so
that all of them are judged. A head that no correct client sends has a fault but is still parsed: otherwise a
decoy next to it would hide its names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.http.dns_request import dns_in_request
from gateway.wire.names import hostname, is_address
from gateway.wire.tunnels.signs import TunnelSign

# Node and IIS accept a head of 16 KiB, nginx and Apache a line of 8 KiB. A browser's head without huge
# cookies is far below both.
MAX_HEAD = 16 << 10
MAX_LENIENT_HEAD = 32 << 10  # Apache and Go accept longer heads; names are read up to here
# The longest line that nginx and Apache accept. Some servers accept any token as a method; the longest
# registered one, UPDATEREDIRECTREF, has 17 bytes.
_MAX_METHOD = 8 << 10

# The first bytes of an HTTP/2 client (RFC 9113 §3.4). Servers accept nothing else as HTTP/2.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_START = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)([ \t]?)")
_VERSION = re.compile(rb"HTTP/[0-9]+(?:\.[0-9]+)?", re.IGNORECASE)
# The empty line. Some servers also accept a lone CR there, whatever follows it.
HEAD_END = re.compile(rb"\n(?:\r?\n|\r[^\n])")
_EMPTY_LINE = re.compile(rb"\n\r?\n")
# RFC 9112 §2.2: a lone LF ends a line for many servers, a lone CR for some.
_LINE_END = re.compile(rb"\r?\n|\r")
_BARE_CR = re.compile(rb"\r(?!\n)")
_LF = 0x0A
_LENGTH = re.compile(rb"[0-9]{1,18}")

# Treated as HTTP without reading the rest of the line: no other internet protocol begins with these words.
_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"CONNECT", b"TRACE"))
_HOST = b"host"
_CONTENT_LENGTH = b"content-length"
_TRANSFER_ENCODING = b"transfer-encoding"
_UPGRADE = b"upgrade"
_TYPES = (b"content-type", b"accept")
_FRAMING = frozenset((_CONTENT_LENGTH, _TRANSFER_ENCODING))
_WANTED = _FRAMING | {_HOST, _UPGRADE, *_TYPES}
_WANTED_INSIDE = frozenset((_HOST, *_TYPES))  # of a request among other bytes

_BLANK = bytes(range(0x21))  # controls and space: servers differ in which of them they strip

# ABSOLUTE matches at the start of a word, _CONNECT at the end of one: other bytes may be part of the method.
# Each is one pass over the line, however many words it has.
ABSOLUTE = re.compile(rb"(?<!\S)[a-z][a-z0-9+.-]*://([^/?#\\\s]*)", re.IGNORECASE)
_CONNECT = re.compile(rb"CONNECT(?=\s+([^\s/*]\S*))")
_CONNECT_FIRST = re.compile(rb"CONNECT\s+(\S+)")
_PORT = re.compile(rb":[0-9]*\Z")

Fields = dict[bytes, list[bytes]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One parsed HTTP request head: the hosts it asks for, and where the next request begins."""

    method: str  # as sent
    target: bytes  # as sent
    hosts: tuple[str, ...]  # every name, normalised: the target's first, then those of the Host headers
    # NO_NAME: none, or only addresses; BAD_NAME: one is no host name, or Host headers differ; MALFORMED: no
    # correct client sends it, and servers differ in where the next request begins.
    fault: Fault | None
    head_length: int  # bytes, including empty lines before the head and the one after it
    content_length: int  # bytes of body; 0 if chunked
    chunked: bool
    switches: bool  # asks to change the protocol of this connection: CONNECT, Upgrade, HTTP/2
    http2: bool = False  # the preface of HTTP/2, or a request in it (http2.py)
    dns: TunnelSign | None = None  # the DNS query that it carries


def looks_like_http(prefix: bytes) -> bool | None:
    """Return whether a client's stream that begins with ``prefix`` is HTTP/1 or the HTTP/2 preface.

    None if more bytes are needed. False above the limits: MAX_LENIENT_HEAD bytes of empty lines, or without
    the end of the first line, and 8 KiB of a method.
    """
    start = _skip_empty_lines(prefix)
    begin = _START.match(prefix, start)
    if begin is None:
        return None if start == len(prefix) <= MAX_LENIENT_HEAD else False
    if len(begin[1]) > _MAX_METHOD:
        return False
    if not begin[2]:
        return None if begin.end() == len(prefix) else False
    if begin[1] in _METHODS:
        return True
    end = prefix.find(b"\n", start)
    if end < 0:
        return None if len(prefix) <= MAX_LENIENT_HEAD else False
    return _version_of(prefix[start:end]) is not None


def parse_request(data: bytes) -> HttpRequest | None:
    """Return the HTTP request with whose head ``data`` begins; None while the head is incomplete.

    A head that no correct client sends, or of more than MAX_HEAD bytes, has the fault MALFORMED. The preface
    of HTTP/2 is returned as a request with the method PRI and ``http2``. Raises WireError if the head does
    not end within MAX_LENIENT_HEAD bytes, and for a first line that is no request line and has no host.
    """
    if data.startswith(b"PRI") and PREFACE.startswith(data[: len(PREFACE)]):
        if len(data) < len(PREFACE):
            return None
        return HttpRequest(
            "PRI", b"*", (), Fault.NO_NAME, len(PREFACE), 0, chunked=False, switches=True, http2=True
        )
    start = _skip_empty_lines(data)
    line_end = data.find(b"\n", start)
    if line_end < 0:
        _check_size(len(data))
        return None
    line = data[start:line_end]
    method, target = _request_line(line)
    if method is None:
        return _without_version(line, line_end + 1)
    end = HEAD_END.search(data, line_end)
    if end is None:
        _check_size(len(data))
        return None
    stop, size = end.start() + 1, end.end()
    whole = data[size - 1] == _LF
    if not whole:  # for servers that do not accept a lone CR as an empty line, more fields follow
        later = _EMPTY_LINE.search(data, stop)
        stop, size = (len(data), len(data)) if later is None else (later.start() + 1, later.end())
    fields, sound = _fields(data[line_end:stop])
    asked = line.rsplit(None, 1)[0]
    hosts, fault = _names(asked, fields.get(_HOST, []))
    length, chunked = _content_length(fields), _chunked(fields)
    if not (sound and whole) or length is None or chunked is None or size > MAX_HEAD:
        length, chunked, fault = 0, False, Fault.MALFORMED
    return HttpRequest(
        method=method.decode("ascii"),
        target=target,
        hosts=hosts,
        fault=fault,
        head_length=size,
        content_length=length,
        chunked=chunked,
        switches=method == b"CONNECT" or _UPGRADE in fields,
        dns=dns_in_request(asked, _types(fields)),
    )


def embedded_request(head: bytes, starts: Iterable[int]) -> HttpRequest | None:
    """Return the request in ``head``, which was found among other bytes; None if it has no host and no DNS.

    ``starts`` are the offsets of its request lines. Only hosts, method and DNS of the result are meaningful:
    it may be no request.
    """
    lines: dict[int, int] = {}  # end of a line to the first request in it, which includes the later ones
    connects = False
    for start in starts:
        lines.setdefault(head.find(b"\n", start), start)
        connects |= head.startswith(b"CONNECT", start)
    parts = [head[start:end].rsplit(None, 1)[0] for end, start in lines.items()]
    asked = [name for part in parts for name in _authorities(part)]
    fields, _ = _fields(head, _WANTED_INSIDE)
    names, _ = hosts_of(asked + fields.get(_HOST, []))
    dns = dns_in_request(b"\n".join(parts), _types(fields))
    if not names and dns is None:
        return None
    method = "CONNECT" if connects else "GET"
    return HttpRequest(method, b"", tuple(names), None, len(head), 0, chunked=False, switches=False, dns=dns)


def _types(fields: Fields) -> list[bytes]:
    return [value for name in _TYPES for value in fields.get(name, [])]


def _check_size(size: int) -> None:
    if size > MAX_LENIENT_HEAD:
        msg = f"HTTP request head of more than {MAX_LENIENT_HEAD} bytes"
        raise WireError(msg)


def _skip_empty_lines(data: bytes) -> int:
    """Return the offset of the request line: servers skip empty lines before it (RFC 9112 §2.2)."""
    if data[:1] not in (b"\r", b"\n"):
        return 0
    return len(data) - len(data.lstrip(b"\r\n"))


def _version_of(line: bytes) -> bytes | None:
    """Return the HTTP version if it is the last of at least three words in the request line; else None."""
    version = line.rsplit(None, 1)[-1:]
    if not version or _VERSION.fullmatch(version[0]) is None or len(line.split(None, 2)) < 3:
        return None
    return version[0]


def _request_line(line: bytes) -> tuple[bytes | None, bytes]:
    """Return method and target of a request line; the method is None if it is none."""
    if _version_of(line) is None:
        return None, b""
    method, rest = line.split(None, 1)
    if _START.fullmatch(method) is None or len(method) > _MAX_METHOD:
        return None, b""
    return method, rest.rsplit(None, 1)[0]


def _without_version(line: bytes, size: int) -> HttpRequest:
    """Return the request in a line of HTTP/0.9 or an unknown version, with the fault MALFORMED.

    Some servers use the host in its target. ``size``: the bytes up to the end of the line. Raises WireError
    if the line has no host.
    """
    begin = _START.match(line)
    names, _ = hosts_of(_authorities(line))
    if begin is None or not names:
        msg = f"no HTTP request line: {line[:80]!r}"
        raise WireError(msg)
    method = begin[1].decode("ascii")
    return HttpRequest(method, b"", tuple(names), Fault.MALFORMED, size, 0, chunked=False, switches=False)


def _fields(block: bytes, wanted: frozenset[bytes] = _WANTED) -> tuple[Fields, bool]:
    """Return the values of the wanted header fields, and whether all servers find the same body length.

    A folded line continues the value above it (RFC 9112 §5.2), and is also parsed as a field of its own.
    """
    found: Fields = {}
    sound = True
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
                sound = False  # blanks around the name of a field that frames the body
            last = found.setdefault(name, [])
            last.append(value)
    if not _FRAMING.isdisjoint(found) and _BARE_CR.search(block):
        sound = False
    return found, sound


def _names(asked: bytes, host_fields: list[bytes]) -> tuple[tuple[str, ...], Fault | None]:
    """Return each distinct host name of a request, and its fault or None.

    ``asked`` is the request line without its version; ``host_fields``: the values of the Host headers.
    """
    first, bad_target = hosts_of(_authorities(asked))
    hosts, bad_field = hosts_of(host_fields)
    names = (*first, *[host for host in hosts if host not in first])
    if bad_target or bad_field or len(hosts) > 1:
        return names, Fault.BAD_NAME
    return names, None if names else Fault.NO_NAME


def _content_length(fields: Fields) -> int | None:
    """Return the body's length in bytes, 0 without a Content-Length header.

    None if its value is not one number, since servers then differ.
    """
    values = {value.strip(_BLANK) for field in fields.get(_CONTENT_LENGTH, []) for value in field.split(b",")}
    if not values:
        return 0
    text = values.pop()
    return None if values or _LENGTH.fullmatch(text) is None else int(text)


def _chunked(fields: Fields) -> bool | None:
    """Return whether the body is chunked; None if servers differ about it.

    chunked must be the last coding, without a Content-Length (RFC 9112 §6.1, §6.3).
    """
    values = fields.get(_TRANSFER_ENCODING)
    if values is None:
        return False
    codings = [coding.strip(_BLANK).lower() for value in values for coding in value.split(b",")]
    if codings[-1] != b"chunked" or codings.count(b"chunked") > 1 or _CONTENT_LENGTH in fields:
        return None
    return True


def _authorities(line: bytes) -> list[bytes]:
    """Return the authorities (``host:port``) in ``line``, a ``method target`` as sent.

    They are searched in any two adjacent words: if a target contains blanks, the request may begin inside it
    for a server that has read the part before.
    """
    found = [match[1] for match in ABSOLUTE.finditer(line)]
    if b"CONNECT" in line:
        first = _CONNECT_FIRST.match(line)
        connects = ([first[1]] if first is not None else []) + [match[1] for match in _CONNECT.finditer(line)]
        found += [authority for authority in connects if ABSOLUTE.match(authority) is None]
    return found


def hosts_of(asked: list[bytes]) -> tuple[list[str], bool]:
    """Return the distinct host names in authorities (``host:port``), and whether one is no host at all.

    IP addresses and empty authorities are left out; they are not wrong.
    """
    if not asked:
        return [], False
    names: dict[str, None] = {}
    bad = False
    for authority in dict.fromkeys(asked):
        name, wrong = _host(authority.strip(_BLANK))
        bad |= wrong
        if name is not None:
            names[name] = None
    return list(names), bad


def _host(authority: bytes) -> tuple[str | None, bool]:
    """Return the name in ``[user@]host[:port]``, and whether it is no host at all.

    The name is None for an address, an empty host and a wrong one.
    """
    host = _PORT.sub(b"", authority.rpartition(b"@")[2])
    if not host:
        return None, False
    try:
        return hostname(host), False
    except WireError:
        return None, not is_address(host.decode("latin-1"))
