"""What real programs send first (tests/vectors/tunnels.txt), and what must not be taken for it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gateway.policy.values import Proto

_FILE = Path(__file__).parent.parent / "vectors" / "tunnels.txt"


class Vector(NamedTuple):
    proto: Proto
    transport: str  # "udp" or "tcp"
    side: str  # "client" or "server"
    port: int  # the server's
    program: str
    payload: bytes

    def __str__(self) -> str:
        return f"{self.program}-{self.transport}-{self.side}"


def _read() -> list[Vector]:
    rows = [line.split() for line in _FILE.read_text("ascii").splitlines() if not line.startswith("#")]
    return [
        Vector(Proto(proto), transport, side, int(port), program, bytes.fromhex(payload))
        for proto, transport, side, port, program, payload in rows
    ]


VECTORS = _read()
UDP = [one for one in VECTORS if one.transport == "udp"]
TCP = [one for one in VECTORS if one.transport == "tcp" and one.proto is not Proto.PROXY]

# Ordinary UDP, by the documents that lay it out.
STUN = bytes.fromhex("000100002112a442") + bytes(range(12))  # RFC 8489
STUN_ANSWER = bytes.fromhex("0101000c2112a442") + bytes(range(12)) + bytes.fromhex("002000080001a147e112a643")
CHANNEL = bytes.fromhex("40010010") + bytes(range(16))  # TURN's channel data: RFC 8656 12.4
DTLS = bytes.fromhex("16feff000000000000000000700100006400000000000000") + bytes(100)  # RFC 6347
RTP = bytes.fromhex("8060000127c41b90deadbeef") + bytes(160)  # RFC 3550
RTCP = bytes.fromhex("80c80006deadbeef") + bytes(20)
NTP = bytes.fromhex("23000000") + bytes(36) + bytes.fromhex("ea012345abcdef01")  # RFC 5905
SIP = b"OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.7\r\n\r\n"
UTP_SYN = bytes.fromhex("410030395fd3a1c4000000000003800000010000")  # BEP 29
UTP_DATA = bytes.fromhex("0100303a5fd3b2d5000000000003800000020001") + bytes(1000)
DHT = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"  # BEP 5
SOURCE_QUERY = b"\xff\xff\xff\xffTSource Engine Query\x00"
RAKNET = (
    b"\x01" + bytes(8) + bytes.fromhex("00ffff00fefefefefdfdfdfd12345678") + bytes(8)
)  # ping of Minecraft
ENET = bytes.fromhex("8fff1234") + bytes(44)
COAP = bytes.fromhex("40010001b474657374")
LITTLE = b"\x01\0\0\0" + b"\xff" * 144  # a game's message number 1, as long as WireGuard's first
NETBIOS = (
    bytes.fromhex("80f00010000100000000000020")
    + b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    + bytes.fromhex("0000210001")
)
MDNS = bytes.fromhex("00000000000100000000000004") + b"_ipp" + b"\x04_tcp\x05local\0\0\x0c\x80\x01"
ORDINARY = [
    STUN, STUN_ANSWER, CHANNEL, DTLS, RTP, RTCP, NTP, SIP, UTP_SYN, UTP_DATA, DHT, SOURCE_QUERY, RAKNET, ENET,
    COAP, LITTLE, NETBIOS, MDNS, b"", b"\0", bytes(64), bytes(148), b"\xff" * 148,
]  # fmt: skip
