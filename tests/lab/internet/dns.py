"""The resolver and the zone of everything: each name has one address of its own, derived from the name.

A few first labels ask for something else: ``nx.`` is unknown, ``cname.NAME`` is an alias of NAME, ``long.``
has a TXT record that only fits over TCP, ``noech.`` an HTTPS record without Encrypted ClientHello. Each name
has an SVCB record too: what a resolver would say of its encrypted ways.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import struct
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import names
from tests.lab.internet.journal import Journal
from tests.lab.internet.udp import Peer, UdpPort

A, CNAME, SOA, TXT, AAAA, OPT, SVCB, HTTPS = 1, 5, 6, 16, 28, 41, 64, 65
_TTL = 60
_OPCODE = 0x7800  # of the flags
StreamHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_UNKNOWN_TAILS = (".invalid", ".home.arpa", ".local", ".test")
_TEXT = {A: "A", AAAA: "AAAA", TXT: "TXT", SVCB: "SVCB", HTTPS: "HTTPS", CNAME: "CNAME"}


@dataclass(frozen=True, slots=True)
class Query:
    """The first question of a message."""

    ident: int
    flags: int
    name: str
    qtype: int
    question: bytes  # as it was sent, case included
    payload: int | None  # EDNS UDP payload size, None without EDNS


def parse(message: bytes) -> Query | None:
    """The query in ``message``; None when it is none."""
    try:
        ident, flags, questions, _, _, additional = _HEADER.unpack_from(message)
        if flags & 0x8000 or questions != 1:
            return None
        labels, at = [], 12
        while length := message[at]:
            labels.append(message[at + 1 : at + 1 + length].decode("latin-1"))
            at += 1 + length
        end = at + 5
        (qtype,) = struct.unpack_from("!H", message, at + 1)
        payload = None
        if additional and message[end] == 0 and struct.unpack_from("!H", message, end + 1)[0] == OPT:
            (payload,) = struct.unpack_from("!H", message, end + 3)
    except (struct.error, IndexError):
        return None
    return Query(ident, flags, ".".join(labels), qtype, message[12:end], payload)


@dataclass(frozen=True, slots=True)
class Odd:
    """What is different about a name: it has the addresses of ``places``, behind a chain of ``aliases``; its
    HTTPS record leads to ``target``. A place may be an address itself.
    """

    places: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    target: str = ""
    is_alias: bool = False
    families: tuple[int, ...] = (A, AAAA)


class Oddities:
    """Read anew from a file of JSON whenever it was written: name → the fields of its Odd."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = 0
        self._odd: dict[str, Odd] = {}

    def of(self, name: str) -> Odd | None:
        try:
            written = self._path.stat().st_mtime_ns if self._path else 0
        except FileNotFoundError:
            written = 0
        if written != self._written:
            self._written = written
            rows = json.loads(self._path.read_text()) if self._path and written else {}
            self._odd = {key: _odd(row) for key, row in rows.items()}
        return self._odd.get(name)


def _odd(row: Mapping[str, Any]) -> Odd:
    families = tuple(row.get("families", (A, AAAA)))
    target, is_alias = row.get("target", ""), row.get("is_alias", False)
    return Odd(tuple(row["places"]), tuple(row.get("aliases", ())), target, is_alias, families)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class Zone:
    """Answers. ``quic`` says whether HTTPS records may offer HTTP/3."""

    def __init__(
        self, journal: Journal, *, quic: bool, ech_key: bytes | None = None, oddities: Oddities | None = None
    ) -> None:
        self._journal = journal
        self._oddities = oddities or Oddities(None)
        self._alpn = [b"h3"] if quic else []
        self._ech = _ech_config_list(ech_key or os.urandom(32))

    def answer(self, message: bytes, client: str, *, stream: bool) -> bytes | None:
        """The response to a query; over UDP it is cut to the client's size, with TC set."""
        if (query := parse(message)) is None:
            return None
        if opcode := query.flags & _OPCODE:  # NOTIFY, UPDATE or STATUS: taken, with no effect
            self._journal.note("dns", query.name, client, f"opcode {opcode >> 11}")
            return _message(query, 0, [], [], 0)
        self._journal.note("dns", query.name, client, _TEXT.get(query.qtype, str(query.qtype)))
        name = query.name.lower()
        if "." not in name or name.startswith("nx.") or name.endswith(_UNKNOWN_TAILS):
            return _message(query, 3, [], [self._soa()], 0)
        records = self._odd(name, query.qtype)
        if records is None:
            records = self._records(name, query.qtype, b"\xc0\x0c")
        response = _message(query, 0, records, [] if records else [self._soa()], 0)
        room = 65535 if stream else (query.payload or 512)
        return response if len(response) <= room else _message(query, 0, [], [], 0x0200)

    def _odd(self, name: str, qtype: int) -> list[bytes] | None:
        """Of a name that is written in a file of oddities; None for any other."""
        odd, owner = self._oddities.of(name), b"\xc0\x0c"
        if odd is None:
            return None
        chain = []
        for target in odd.aliases:
            chain.append(_record(owner, CNAME, _encode(target)))
            owner = _encode(target)
        if qtype in (A, AAAA):
            if qtype not in odd.families:
                return chain
            where = names.ipv4_of if qtype == A else names.ipv6_of
            found = (place if _is_address(place) else where(place) for place in odd.places)
            return [*chain, *(_record(owner, qtype, _packed(one)) for one in found)]
        if qtype == HTTPS and odd.target:
            body = _encode(odd.target)
            if odd.is_alias:
                return [*chain, _record(owner, HTTPS, b"\0\0" + body)]
            return [*chain, _record(owner, HTTPS, b"\0\1" + body + b"\0\1\0\3\2h2")]
        if qtype == HTTPS:
            return [*chain, _record(owner, HTTPS, self._service(odd.places[0]))]
        return chain or self._records(name, qtype, owner)

    def _records(self, name: str, qtype: int, owner: bytes) -> list[bytes]:
        if name.startswith("cname."):
            target = name.removeprefix("cname.")
            alias = _record(owner, CNAME, _encode(target))
            return [alias, *([] if qtype == CNAME else self._records(target, qtype, _encode(target)))]
        if qtype == A:
            return [_record(owner, A, _packed(names.ipv4_of(name)))]
        if qtype == AAAA:
            return [_record(owner, AAAA, _packed(names.ipv6_of(name)))]
        if qtype == TXT:
            text = b"the pretended internet"
            strings = [text] if not name.startswith("long.") else [b"x" * 250] * 12
            return [_record(owner, TXT, b"".join(bytes([len(part)]) + part for part in strings))]
        if qtype == HTTPS:
            return [_record(owner, HTTPS, self._service(name))]
        if qtype == SVCB:
            return [_record(owner, SVCB, _resolver())]
        return []

    def _service(self, name: str) -> bytes:
        """ServiceMode RDATA (RFC 9460): alpn, ipv4hint, ech, ipv6hint."""
        parameters = {4: _packed(names.ipv4_of(name)), 6: _packed(names.ipv6_of(name))}
        if self._alpn:
            parameters[1] = b"".join(bytes([len(token)]) + token for token in self._alpn)
        if not name.startswith("noech."):
            parameters[5] = self._ech
        body = b"".join(
            struct.pack("!HH", key, len(value)) + value for key, value in sorted(parameters.items())
        )
        return b"\x00\x01\x00" + body

    def _soa(self) -> bytes:
        numbers = struct.pack("!5I", 1, 3600, 600, 86400, 30)
        return _record(b"\x00", SOA, _encode("ns.example") + _encode("host.example") + numbers)


def _message(
    query: Query, code: int, answers: list[bytes], authority: list[bytes], extra_flags: int
) -> bytes:
    flags = 0x8080 | (query.flags & (_OPCODE | 0x0100)) | extra_flags | code
    edns = b"\x00" + _RECORD.pack(OPT, 1232, 0, 0) if query.payload is not None else b""
    header = _HEADER.pack(query.ident, flags, 1, len(answers), len(authority), 1 if edns else 0)
    return b"".join([header, query.question, *answers, *authority, edns])


def _resolver() -> bytes:
    """ServiceMode RDATA of a resolver (RFC 9461): alpn, port, dohpath."""
    parameters = [(1, b"\x03dot\x02h2\x03doq"), (3, struct.pack("!H", 853)), (7, b"/dns-query{?dns}")]
    body = b"".join(struct.pack("!HH", key, len(value)) + value for key, value in parameters)
    return b"\x00\x01" + _encode("dns.example.org") + body


def _record(owner: bytes, rtype: int, rdata: bytes) -> bytes:
    return owner + _RECORD.pack(rtype, 1, _TTL, len(rdata)) + rdata


def _encode(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split(".")) + b"\x00"


def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def _ech_config_list(public_key: bytes) -> bytes:
    """One ECHConfig (RFC 9849): X25519, HKDF-SHA256, AES-128-GCM; any 32 bytes are a public key."""
    key = struct.pack("!BHH", 1, 0x0020, len(public_key)) + public_key + struct.pack("!HHH", 4, 1, 1)
    public_name = b"cover.example"
    contents = key + struct.pack("!BB", 64, len(public_name)) + public_name + b"\x00\x00"
    config = struct.pack("!HH", 0xFE0D, len(contents)) + contents
    return struct.pack("!H", len(config)) + config


def serve_udp(zone: Zone) -> None:
    """Answer on UDP port 53 of every address."""

    def receive(data: bytes, peer: Peer) -> None:
        if response := zone.answer(data, peer[0], stream=False):
            port.sendto(response, peer)

    port = UdpPort(53, receive)


def stream_server(zone: Zone) -> StreamHandler:
    """The connection handler for DNS over TCP and over TLS: messages until the client closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                response = zone.answer(await reader.readexactly(length), client, stream=True)
                if response is None:
                    return
                writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()

    return serve
