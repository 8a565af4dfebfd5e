"""Whether two sights of the network are one device: by what devices say of themselves. Addresses change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of who answers for one hardware address. All text is hostile input; empty: not seen."""

    mac: str  # lower case, colons
    host_name: str = ""  # DHCP option 12, else what mDNS says
    vendor_class: str = ""  # DHCP option 60
    options: tuple[
        int, ...
    ] = ()  # DHCP option 55, in the order of the request: told apart by operating systems
    vendor: str = ""  # by the OUI; empty for a random address
    kind: str = ""  # phone, tablet, tv, console, computer, thing
    hop_limit: int = 0  # 64, 128 or 255: what its packets begin with, rounded up; 0: not seen
    interface_ids: frozenset[bytes] = frozenset()  # the lower 8 bytes of its IPv6 addresses, newest sixteen

    @property
    def is_random(self) -> bool:
        """Whether the address is locally administered (IEEE 802 8.2.2), as phones invent them."""
        return bool(int(self.mac[:2], 16) & 2)
