"""Reads device names from the lease files of dnsmasq (dnsmasq(8), --dhcp-leasefile) and odhcpd.

odhcpd's state file (its README, `leasefile`) has a line for each lease, commented out with `#` since the rest
is a hosts file: interface, hardware address or DUID in hex, `ipv4` or the IAID, name or `-`, end, assigned,
length, addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.wire.lan.dhcp import first_label

MAX_BYTES = 1 << 20  # 8,000 leases; a household has some dozens

# Prefix of a DUID with an Ethernet address, and the DUID's length in hex digits: link-layer plus time, and
# link-layer (RFC 8415 11.2, 11.4).
_ETHERNET_DUIDS = {("00010001", 28), ("00030001", 20)}
_BROKEN = "broken\\x20"  # odhcpd's mark on an invalid name


@dataclass(frozen=True, slots=True)
class Leases:
    """Host names in DHCP leases: by MAC address, or by IP address for most DHCPv6 leases. Untrusted data."""

    of_mac: dict[str, str] = field(default_factory=dict)
    of_ip: dict[str, str] = field(default_factory=dict)


def read_leases(path: Path) -> Leases:
    """Return the host names in a DHCP lease file of dnsmasq or odhcpd; empty if it cannot be read.

    Only the first `MAX_BYTES` are read. A name is the first label of the host name.
    """
    leases = Leases()
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return leases
    for line in text.splitlines():
        fields = line.split()
        for mac, ip, name in _odhcpd(fields) if fields[:1] == ["#"] else _dnsmasq(fields):
            label = first_label(name.encode())
            if not label:
                continue
            if mac:
                leases.of_mac[mac] = label
            elif ip:
                leases.of_ip[ip] = label
    return leases


def _dnsmasq(fields: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (MAC, "", name) of an IPv4 lease, or ("", address, name) of a DHCPv6 lease of dnsmasq.

    A line without a name, or with a MAC that is not Ethernet, yields nothing. ``fields``: the words of a
    line: expiry, MAC (DHCPv6: IAID), address, name and client id.
    """
    if len(fields) < 4 or fields[3] == "*":
        return
    if len(fields[1]) == 17 and fields[1].count(":") == 5:
        yield fields[1].lower(), "", fields[3]
    elif fields[1].lstrip("T").isdecimal() and ":" in fields[2]:
        yield "", fields[2], fields[3]


def _odhcpd(fields: list[str]) -> Iterator[tuple[str, str, str]]:
    if len(fields) < 8 or fields[4] == "-" or fields[4].startswith(_BROKEN):
        return
    if fields[3] == "ipv4":
        if mac := _mac(fields[2]):
            yield mac, "", fields[4]
        return
    # A DUID contains the address of any of the device's interfaces: prefer the leased addresses.
    for address in fields[8:]:
        yield "", address.partition("/")[0], fields[4]
    if len(fields) == 8 and (fields[2][:8], len(fields[2])) in _ETHERNET_DUIDS:
        yield _mac(fields[2][-12:]), "", fields[4]


def _mac(text: str) -> str:
    """Return the MAC address in twelve hex digits, with colons; empty if they are invalid."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return ""
    return raw.hex(":") if len(raw) == 6 else ""
