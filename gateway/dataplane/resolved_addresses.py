"""Addresses that the gateway resolved itself: of help lines, where a name in a TLS hello is no proof, and of
safe search, where a device's own resolver is not trusted.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.bus import Bus
from gateway.core.loop import Loop, Timer
from gateway.dataplane.lookups import KEPT, Lookups
from gateway.path.addresses import AddressBook
from gateway.policy.names.hosts import HostMap

SETTLE = 0.3  # seconds
MAX_SAFE = 16  # addresses of one name, the latest; answers have one to eight
MAX_HELP = 1024  # names of help lines with addresses, 500 bytes each: some 200 are known, plus subdomains
MAX_OF_ONE = 64  # addresses of a help line's name; beyond that only those of the latest answers
OWN_KEPT = 60.0  # seconds for which it is cached whether an address is the gateway's own
MAX_OWN = 256

HELP = "help"  # key in the address book


@dataclass(frozen=True, slots=True)
class HelpAddressesChanged:
    """A help line has a new address."""


class HelpAddresses:
    """Publishes HelpAddressesChanged: the kernel allows these addresses while no daemon runs."""

    def __init__(
        self,
        loop: Loop,
        book: AddressBook,
        servers: Iterable[str],
        bus: Bus,
        *,
        help_names: HostMap[str],
        calling_names: HostMap[str],
    ) -> None:
        self._loop = loop
        self._book = book
        self._bus = bus
        self._help_names, self._calling_names = help_names, calling_names
        self._calling: frozenset[bytes] = frozenset()
        self.by_name: dict[str, frozenset[bytes]] = {}  # packed addresses
        self.addresses: frozenset[bytes] = frozenset()
        self._settling: Timer | None = None
        self._lookups = Lookups(loop, servers, self._found)
        self.want = self._lookups.want

    def knows(self, host: str, address: bytes) -> bool:  # noqa: ARG002  one pack: any help name's address is help
        return address in self.addresses and self._book.knows(HELP, address, self._loop.now())

    def is_name(self, name: str) -> bool:
        return name in self._help_names

    def calls(self, address: bytes) -> bool:
        """Whether a carrier's gateway for calls over Wi-Fi has this address."""
        return address in self._calling and self._book.knows(HELP, address, self._loop.now())

    def heard(self, name: str, addresses: list[bytes], vouched: bool) -> None:
        """Note a device's DNS answer.

        Below the names of help lines are more names, each with its own address: a carrier's gateways alone
        have some hundred. Answers of other resolvers are checked with the gateway's own resolver.
        """
        if name not in self._help_names or not addresses:
            return
        if not vouched:
            known = self.by_name.get(name, frozenset())
            if not all(address in known and self.knows(name, address) for address in addresses):
                self._lookups.ask(name)
        elif name in self.by_name or len(self.by_name) < MAX_HELP:
            self._found(name, addresses[:MAX_SAFE])

    def _found(self, name: str, addresses: list[bytes]) -> None:
        if name not in self.by_name and len(self.by_name) >= MAX_HELP:
            return
        self._book.learn(HELP, addresses, KEPT, self._loop.now())
        known = self.by_name.get(name, frozenset())
        if not known.issuperset(addresses):
            self.by_name[name] = frozenset((*addresses, *(known if len(known) < MAX_OF_ONE else ())))
            self.addresses = frozenset().union(*self.by_name.values())
            calling = (self.by_name[name] for name in self.by_name if name in self._calling_names)
            self._calling = frozenset().union(*calling)
            self._settle()

    def _settle(self) -> None:
        """Publish pending changes together: answers come in bursts, and one change of the table is enough."""
        if self._settling is None:
            self._settling = self._loop.call_later(SETTLE, self._settled)

    def _settled(self) -> None:
        self._settling = None
        self._bus.publish(HelpAddressesChanged())

    def close(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._lookups.close()


class SafeAddresses:
    """Addresses of safe search, from the gateway's own resolver. Used by DnsPath (path/dns.py)."""

    def __init__(self, loop: Loop, book: AddressBook, servers: Iterable[str]) -> None:
        self._loop = loop
        self._book = book
        self._servers = frozenset(servers)
        self._by_name: dict[str, tuple[bytes, ...]] = {}
        self._own: dict[bytes, tuple[bool, float]] = {}
        self._lookups = Lookups(loop, self._servers, self._found)
        self.want = self._lookups.want

    def of(self, name: str) -> tuple[bytes, ...]:
        """Return packed addresses, the latest first; () while none is known."""
        return self._by_name.get(name, ())

    def knows(self, name: str, address: bytes) -> bool:
        """Whether a safe search name has a packed address."""
        return self._book.knows(name, address, self._loop.now())

    def trusts(self, resolver: bytes) -> bool:
        """Whether a resolver (packed address) is the gateway or one that the gateway uses."""
        now = self._loop.now()
        known = self._own.get(resolver)
        if known is None or known[1] < now:
            if len(self._own) >= MAX_OWN:
                self._own.clear()
            known = self._own[resolver] = (self._is_own(resolver), now + OWN_KEPT)
        return known[0]

    def _is_own(self, resolver: bytes) -> bool:
        family = socket.AF_INET if len(resolver) == 4 else socket.AF_INET6
        text = socket.inet_ntop(family, resolver)
        return text in self._servers or resolver[:2] == b"\xfe\x80" or _is_local(family, text)

    def _found(self, name: str, addresses: list[bytes]) -> None:
        self._book.learn(name, addresses, KEPT, self._loop.now())
        known = [known for known in self._by_name.get(name, ()) if known not in addresses]
        self._by_name[name] = (*addresses, *known)[:MAX_SAFE]

    def close(self) -> None:
        self._lookups.close()


def _is_local(family: socket.AddressFamily, address: str) -> bool:
    """Whether the address is the gateway's own: only such an address can be bound."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True
