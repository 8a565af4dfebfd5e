"""Everything known about one device except its owner: one value, stored in memory and in the database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.policy.identity.traits import Traits

# Newest of a device; privacy addresses change daily, and eight may be in use at the same time.
MAX_INTERFACE_IDS = 16
MAX_ADDRESSES = 24  # of a device: one IPv4, one link-local, and temporary ones of two prefixes
MAX_BEHIND = 32  # hardware addresses behind another one: the clients of a repeater
MAX_NAMES = 4  # names that a device used for itself
MAX_SERVICES = 16  # of multicast DNS; a Mac with all services turned on has a dozen

# Sources of a host name, most reliable last. The name sent to a DHCP server comes from the device's settings;
# a lease may be named by the router; multicast DNS appends numbers when two devices have the same name.
NAME_SOURCES = ("", "mdns", "lease", "dhcp")


@dataclass(frozen=True, slots=True)
class Sighting:
    """The observed data of one device: traits, addresses, names, services and model.

    ``addresses`` and ``names``: the newest last. All text is untrusted input.
    """

    traits: Traits
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    named_by: str = ""  # one of NAME_SOURCES: the source of the host name
    services: frozenset[str] = frozenset()  # of multicast DNS, such as _airplay
    model: str = ""  # the model that it reports, such as AppleTV11,1
    # Hardware addresses in its DHCP messages that differ from its frames' own.
    behind: frozenset[str] = frozenset()

    def named(self, name: str, source: str) -> Sighting:
        """Return a copy with a name that ``source`` (one of NAME_SOURCES) gave; unchanged if it is empty.

        It becomes the host name unless a more reliable source gave the present one.
        """
        if not name:
            return self
        names = (*(known for known in self.names if known != name), name)[-MAX_NAMES:]
        if name in self.names:
            names = self.names
        if NAME_SOURCES.index(source) < NAME_SOURCES.index(self.named_by):
            return replace(self, names=names)
        return replace(self, names=names, named_by=source, traits=replace(self.traits, host_name=name))
