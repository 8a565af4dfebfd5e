"""Messages of DHCP clients, byte by byte."""

from __future__ import annotations

import struct

COOKIE = b"\x63\x82\x53\x63"
ANDROID = (1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108)
MAC = "02:00:00:00:00:0a"


def option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def option6(code: int, value: bytes) -> bytes:
    return struct.pack("!HH", code, len(value)) + value


def dhcp4(
    *options: bytes,
    mac: str = MAC,
    op: int = 1,
    sname: bytes = b"",
    file: bytes = b"",
    hardware_type: int = 1,
    length: int = 6,
    end: bytes = b"\xff",
) -> bytes:
    head = struct.pack("!BBBBIHH", op, hardware_type, length, 0, 0x1234, 0, 0) + bytes(16)
    hardware = bytes.fromhex(mac.replace(":", "")).ljust(16, b"\0")
    return (
        head + hardware + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + COOKIE + b"".join(options) + end
    )


def discover(name: str = "Galaxy-S21", mac: str = MAC, options: tuple[int, ...] = ANDROID) -> bytes:
    return dhcp4(
        option(53, b"\x01"),
        option(61, b"\x01" + bytes.fromhex(mac.replace(":", ""))),
        option(57, struct.pack("!H", 1500)),
        option(60, b"android-dhcp-14"),
        option(12, name.encode()),
        option(55, bytes(options)),
        mac=mac,
    )


def solicit(name: str = "laptop", *extra: bytes) -> bytes:
    label = name.encode()
    return (
        b"\x01\0\1\2"
        + option6(1, bytes.fromhex("00030001020000000000")[:10])
        + option6(6, struct.pack("!4H", 23, 24, 39, 31))
        + option6(16, struct.pack("!IH", 311, 8) + b"MSFT 5.0")
        + option6(39, b"\x01" + bytes((len(label),)) + label)
        + b"".join(extra)
    )


def udp4(payload: bytes, port: int, *, src: str = "0.0.0.0", dst: str = "255.255.255.255") -> bytes:
    from socket import inet_aton

    udp = struct.pack("!HHHH", 68, port, 8 + len(payload), 0) + payload
    return (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
        + inet_aton(src)
        + inet_aton(dst)
        + udp
    )


def udp6(payload: bytes, port: int, *, src: str = "fe80::1", dst: str = "ff02::1:2") -> bytes:
    from socket import AF_INET6, inet_pton

    udp = struct.pack("!HHHH", 546, port, 8 + len(payload), 1) + payload
    ends = inet_pton(AF_INET6, src) + inet_pton(AF_INET6, dst)
    return struct.pack("!IHBB", 0x60000000, len(udp), 17, 255) + ends + udp


def syn(*, ttl: int = 64, src: str = "192.168.77.10") -> bytes:
    from socket import inet_aton

    tcp = struct.pack("!HHIIBBHHH", 40000, 443, 1, 0, 0x50, 0x02, 1024, 0, 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, ttl, 6, 0)
    return head + inet_aton(src) + inet_aton("198.51.100.7") + tcp
