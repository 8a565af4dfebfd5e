"""First inputs for each target: real messages, so that mutation starts behind the first checks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gateway.policy.names.domain_table import pack_table
from gateway.policy.sealed.sealed_set import SetHead, unsigned_set
from gateway.wire.ip.packet import TCP, UDP, parse_ip
from tests import captures
from tests.captures import Stamped
from tests.fuzz import files, passkeys, proofs, usp
from tests.policy.homes import SALT, TABLE
from tests.wire import tunnel_vectors
from tests.wire.dhcp_forge import discover, solicit, syn, udp4, udp6
from tests.wire.dtls_forge import client_records, dtls_hello
from tests.wire.http2_forge import DATA, SETTINGS, Client, frame
from tests.wire.starttls_dialogues import DIALOGUES

SEALED_KEY = bytes(range(32))
VECTORS = Path(__file__).parent.parent / "vectors"
CAPTURE = VECTORS / "lab_clients.pcapng"  # dig, OpenSSL, curl and aioquic: the first packets of each flow
_CHECKSUM_AT = {TCP: 16, UDP: 6}
_PIECES = b"\x30"  # what some targets take first: the size of the pieces


def seeds(target: str) -> list[bytes]:
    """Every vector, what the real clients said and were told, a few messages by hand; each whole and behind
    a first byte. And what this target alone understands.
    """
    packets = [parse_ip(data) for _, data in _unsummed()]
    query = bytes.fromhex(
        "123401000001000000000001076578616d706c6503636f6d0000010001000029100000000000000000"
    )
    by_hand = [
        query,
        2 * (len(query).to_bytes(2, "big") + query),
        bytes.fromhex("4500003c00010000401100000a000001c6120035") + query,
        b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nab",
        b"name: A\nband: 10-12\n",
        b'{"do": "pause", "who": "a", "until": "2026-11-24T18:00:00+05:00", "minutes": 5}\n',
        b"0.0.0.0 a.example\n||b.example^\n",
    ]
    found = [
        *(file.read_bytes() for file in sorted(VECTORS.iterdir()) if file.is_file()),
        *(packet.payload.tobytes() for packet in packets if packet.payload),
        *by_hand,
        *_OWN.get(target, list)(),
    ]
    return [*found, *(_PIECES + one for one in found)]


@cache
def _unsummed() -> list[Stamped]:
    """The packets of CAPTURE as a network card gets them, so that a changed byte makes no sum wrong."""
    found = []
    for time, data in captures.ip_packets(CAPTURE):
        packet = parse_ip(data)
        at = packet.l4 + _CHECKSUM_AT[packet.proto]
        changed = data[:at] + b"\0\0" + data[at + 2 :]
        found.append((time, changed if packet.version == 6 else changed[:10] + b"\0\0" + changed[12:]))
    return found


def _captures() -> list[bytes]:
    link = captures.LINKS["ethernet"]
    whole = captures.pcapng([(time, link.wrap(data)) for time, data in _unsummed()])
    return [whole, *(captures.wrapped(_unsummed(), kind) for kind in captures.LINKS)]


def _sized() -> list[bytes]:
    """One byte for the target's choice, then each packet behind its side (1: the device's) and length."""
    out = bytearray(1)
    for _, data in _unsummed():
        out.append(parse_ip(data).dport in (53, 80, 443))
        out += len(data).to_bytes(2, "big") + data
    return [bytes(out)]


def _tunnels() -> list[bytes]:
    return [one.payload for one in tunnel_vectors.VECTORS]


def _tunnel_flows() -> list[bytes]:
    """Each stream in two segments of the client."""
    out = []
    for one in tunnel_vectors.TCP:
        pieces = ((1, one.payload[:3]), (1 | 3 << 2, one.payload[3:]))
        out.append(b"\0" + b"".join(bytes([side]) + len(p).to_bytes(2, "big") + p for side, p in pieces))
    return out


def _dtls() -> list[bytes]:
    return [b"".join(client_records(dtls_hello("a.example"), cuts)) for cuts in ((), (40, 300))]


def _tables() -> list[bytes]:
    return [pack_table(names, salt=SALT, built="2026-11-24T06:00:00Z") for names in ({}, TABLE)]


def _sealed() -> list[bytes]:
    head = SetHead("An issuer", "Für alle", bytes(16), 1_795_500_000, 1_795_586_400, bytes(8), 0)
    names = ("a.example.invalid", "b.invalid", "c.invalid")
    return [unsigned_set(head, given, SEALED_KEY) + bytes(64) for given in (names, ())]


def _addresses() -> list[bytes]:
    return [
        b"192.0.2.7 # a",
        b"2001:db8::/64",
        b"192.0.2.128/27",
        b"2001:db8::10/124",
        b"0A1B, 192.0.2.7, 443",
    ]


def _resolvers() -> list[bytes]:
    one = b"{name: A, country: kz, domains: [a.example], hosts: [b.c.example], addresses: [192.0.2.7]}"
    return [b"resolvers:\n  aa: " + one, b"canaries: {}\naddresses: {A: [192.0.2.0/25, 198.51.100.0/24]}\n"]


def _commands() -> list[bytes]:
    return [b"pause 30", b"Resume\n", b"extra 15", b"allow 7 20", b"deny 7", b"off", b"on"]


def _services() -> list[bytes]:
    alpn = b"\x00\x01\x00\x0b\x03dot\x02h2\x03doq"
    rest = b"\x00\x05\x00\x02xx\x00\x07\x00\x02/q"
    return [
        b"\x00\x01\x00\x00\x00\x00\x06\x00\x01\x00\x05\x00\x07" + alpn + rest,
        b"\x00\x00\x01a\x00" + rest,
    ]


def _said() -> list[bytes]:
    return [discover(), solicit()]


def _heard() -> list[bytes]:
    answer = bytes.fromhex("000084000000000100000000015f056c6f63616c0000018001000000780004c0a84d0a")
    told = [udp4(answer, 5353, dst="224.0.0.251"), udp6(answer, 5353, dst="ff02::fb")]
    return [answer, *told, udp4(discover(), 67), udp6(solicit(), 547), syn()]


def _frames() -> list[bytes]:
    client = Client()
    request = client.request("a.example", ("cookie", "a=b"), pieces=2)
    return [SETTINGS + request + frame(DATA, b"x" * 40, stream=1) + client.request("b.example")]


def _dialogues() -> list[bytes]:
    return [line for lines in DIALOGUES.values() for _, line in lines]


_OWN = {
    "http2": _frames,
    "dialogue": _dialogues,
    "dhcp": _said,
    "overheard": _heard,
    "capture": _captures,
    "replay": _captures,
    "replay_packets": _sized,
    "flows": _sized,
    "tunnels": _tunnels,
    "tunnel_flows": _tunnel_flows,
    "dtls": _dtls,
    "table": _tables,
    "sealed_set": _sealed,
    "addresses": _addresses,
    "resolvers": _resolvers,
    "svcb": _services,
    "mqtt": _commands,
    **{target.__name__: proofs.seeds for target in proofs.TARGETS},
    **{target.__name__: own for target, own in (files.SEEDS | passkeys.SEEDS | usp.SEEDS).items()},
}
