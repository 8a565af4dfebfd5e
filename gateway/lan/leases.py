"""What devices call themselves: lease files of dnsmasq (dnsmasq(8), --dhcp-leasefile) and of odhcpd.

odhcpd's state file (its README, `leasefile`) has a line for each lease, behind a `#` that hides it from who
reads the rest as a hosts file: interface, hardware address or DUID in hex, `ipv4` or the IAID, name or `-`,
end, assigned, length, addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.wire.lan.dhcp import first_label

MAX_BYTES = 1 << 20  # 8,000 leases; a home has some dozens

# How a DUID of an Ethernet interface begins, and its length in hex digits: link-layer plus time, link-layer
# (RFC 8415 11.2, 11.4).
_ETHERNET_DUIDS = {("00010001", 28), ("00030001", 20)}
_BROKEN = "broken\\x20"  # odhcpd's mark on a name that it does not believe


@dataclass(frozen=True, slots=True)
class Leases:
    """Names are hostile input. ``of_ip``: where a lease names no hardware address of its own."""

    of_mac: dict[str, str] = field(default_factory=dict)
    of_ip: dict[str, str] = field(default_factory=dict)


def read_leases(path: Path) -> Leases:
    """Leases that have a name; none where there is no file."""
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
    """Expiry, MAC (with a hardware type before it where that is not Ethernet), address, name, client id.

    Those of DHCPv6 have the IAID where the MAC is, and the DUID at the end.
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
    # A DUID holds the address of whichever interface the device had first: the leased address is surer.
    for address in fields[8:]:
        yield "", address.partition("/")[0], fields[4]
    if len(fields) == 8 and (fields[2][:8], len(fields[2])) in _ETHERNET_DUIDS:
        yield _mac(fields[2][-12:]), "", fields[4]


def _mac(text: str) -> str:
    """From twelve hex digits; empty where they are none."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return ""
    return raw.hex(":") if len(raw) == 6 else ""
