"""What devices call themselves: dnsmasq's lease file (dnsmasq(8), --dhcp-leasefile)."""

from __future__ import annotations

from pathlib import Path

MAX_BYTES = 1 << 20  # 8,000 leases; a home has some dozens
MAX_NAME = 63  # a DNS label


def read_leases(path: Path) -> dict[str, str]:
    """MAC → host name, for leases that have one; empty where there is no file. Names are hostile input."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return {}
    names = {}
    for line in text.splitlines():
        # expiry, MAC (with a hardware type before it where that is not Ethernet), address, name, client id
        fields = line.split()
        if len(fields) >= 4 and len(fields[1]) == 17 and fields[3] != "*":
            name = "".join(c for c in fields[3] if c.isprintable())[:MAX_NAME]
            if name:
                names[fields[1].lower()] = name
    return names
