"""First inputs for each target: real messages, so that mutation starts behind the first checks."""

from __future__ import annotations

from pathlib import Path

from gateway.wire.ip import TCP, UDP, parse_ip
from tests import captures

VECTORS = Path(__file__).parent.parent / "vectors"
CAPTURE = VECTORS / "lab_clients.pcapng"  # dig, OpenSSL, curl and aioquic: the first packets of each flow
_CHECKSUM_AT = {TCP: 16, UDP: 6}


def seeds(target: str) -> list[bytes]:
    """Every vector and a few messages by hand; and what this target alone understands."""
    found = [file.read_bytes() for file in sorted(VECTORS.rglob("*")) if file.is_file()]
    query = bytes.fromhex(
        "123401000001000000000001076578616d706c6503636f6d0000010001000029100000000000000000"
    )
    head = bytes.fromhex("4500003c00010000401100000a000001c6120035")
    request = b"\x10GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nab"
    return [
        *found,
        query,
        head + query,
        request,
        b"name: A\nband: 10-12\n",
        b"0.0.0.0 a.example\n||b.example^\n",
        *_CONVERSATIONS.get(target, list)(),
    ]


def _unsummed() -> list[tuple[float, bytes]]:
    """The packets of CAPTURE as a network card gets them, so that a changed byte makes no sum wrong."""
    found = []
    for time, data in captures.ip_packets(CAPTURE):
        packet = parse_ip(data)
        at = packet.l4 + _CHECKSUM_AT[packet.proto]
        changed = data[:at] + b"\0\0" + data[at + 2 :]
        found.append((time, changed if packet.version == 6 else changed[:10] + b"\0\0" + changed[12:]))
    return found


def _captures() -> list[bytes]:
    packets = _unsummed()
    link = captures.LINKS["ethernet"]
    whole = captures.pcapng([(time, link.wrap(data)) for time, data in packets])
    return [whole, *(captures.wrapped(packets, kind) for kind in captures.LINKS)]


def _sized() -> list[bytes]:
    """One byte for the target's choice, then each packet behind its side (1: the device's) and length."""
    out = bytearray(1)
    for _, data in _unsummed():
        packet = parse_ip(data)
        out.append(packet.dport in (53, 80, 443))
        out += len(data).to_bytes(2, "big") + data
    return [bytes(out)]


_CONVERSATIONS = {"capture": _captures, "replay": _captures, "replay_packets": _sized, "flows": _sized}
