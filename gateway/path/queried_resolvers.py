"""Stores the resolvers to which a device's port sends DNS queries, by their untranslated addresses.

A generated answer must come from the queried address. If the firewall redirects queries to another resolver,
only the first query of a connection is seen with the address that the device used. The kernel's connection
table does not always tell: if one port queries two resolvers that are redirected to the same place, both
connections have the same addresses and ports after the translation.
"""

from __future__ import annotations

from gateway.path.renamed_questions import Client

MAX_CLIENTS = 1024  # 300 bytes each; a device uses a port for one query or a few
MAX_RESOLVERS = 4  # of one port: stub resolvers have three at most (resolv.conf(5))

_NONE: tuple[bytes, ...] = ()


class QueriedResolvers:
    """The latest resolvers of a device's port, for the MAX_CLIENTS ports that began a connection last."""

    def __init__(self) -> None:
        self._by_client: dict[Client, tuple[bytes, ...]] = {}

    def record(self, client: Client, resolver: bytes) -> None:
        """Store the packed address to which a client sent the first query of a connection."""
        others = [other for other in self._by_client.pop(client, _NONE) if other != resolver]
        self._by_client[client] = (resolver, *others[: MAX_RESOLVERS - 1])
        if len(self._by_client) > MAX_CLIENTS:
            del self._by_client[next(iter(self._by_client))]

    def of(self, client: Client) -> tuple[bytes, ...]:
        """Return the packed addresses of a client's resolvers, the latest first; empty if unknown."""
        return self._by_client.get(client, _NONE)

    def forget(self, slot: int) -> None:
        for client in [client for client in self._by_client if client[0] == slot]:
            del self._by_client[client]
