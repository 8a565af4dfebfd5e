"""All that is known of one device, beside whose it is: one value, kept in memory and in the database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.policy.identity.traits import Traits

MAX_INTERFACE_IDS = 16  # newest of a device; privacy addresses change daily and eight may live at once
MAX_ADDRESSES = 24  # of a device: one of IPv4, a link's own, and temporary ones of two prefixes
MAX_BEHIND = 32  # other hardware addresses behind one: the clients of a repeater
MAX_NAMES = 4  # that a device has called itself
MAX_SERVICES = 16  # of multicast DNS; a Mac with all that can be switched on has a dozen

# Who gave a host name, the surer one last: what a device tells a DHCP server is what it was named in its
# settings, a lease may be named by the router, and multicast DNS adds numbers when two have one name.
NAME_SOURCES = ("", "mdns", "lease", "dhcp")


@dataclass(frozen=True, slots=True)
class Sight:
    """``addresses`` and ``names`` are the newest last. All text is hostile input."""

    traits: Traits
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    named_by: str = ""  # one of NAME_SOURCES: where the host name is from
    services: frozenset[str] = frozenset()  # of multicast DNS, such as _airplay
    model: str = ""  # what it says to be, such as AppleTV11,1
    behind: frozenset[str] = frozenset()  # hardware addresses that DHCP names in its frames, unlike its own

    def named(self, name: str, source: str) -> Sight:
        """With a name that it was called by ``source``; a surer one stays the host name."""
        if not name:
            return self
        names = (*(one for one in self.names if one != name), name)[-MAX_NAMES:]
        if name in self.names:
            names = self.names
        if NAME_SOURCES.index(source) < NAME_SOURCES.index(self.named_by):
            return replace(self, names=names)
        return replace(self, names=names, named_by=source, traits=replace(self.traits, host_name=name))
