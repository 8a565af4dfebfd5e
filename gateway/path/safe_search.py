"""The interface through which a DnsPath gets the addresses of safe search names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class SafeAddresses(Protocol):
    """Addresses of safe search names that the gateway resolves: a device's resolver is not trusted."""

    def of(self, name: str) -> Sequence[bytes]:
        """Return the packed addresses that the gateway resolved ``name`` to."""
        ...

    def trusts(self, resolver: bytes) -> bool:
        """Whether this resolver (packed address) gives the same answers as the gateway's own."""
        ...


class TrustsAll:
    """For programs without a gateway's resolver: trusts every resolver."""

    def of(self, name: str) -> Sequence[bytes]:  # noqa: ARG002
        return ()

    def trusts(self, resolver: bytes) -> bool:  # noqa: ARG002
        return True
