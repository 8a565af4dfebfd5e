"""What a DnsPath asks the gateway for: where the safe names of search engines are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Safe(Protocol):
    """What the gateway itself knows of safe names: a device's own resolver may say what it likes."""

    def of(self, name: str) -> Sequence[bytes]:
        """Packed addresses that the gateway resolved ``name`` to."""
        ...

    def trusts(self, resolver: bytes) -> bool:
        """Whether what this resolver (packed address) answers is what the gateway would be told."""
        ...


class TrustsAll:
    """Where no gateway asks for itself: whoever is asked is believed."""

    def of(self, name: str) -> Sequence[bytes]:  # noqa: ARG002
        return ()

    def trusts(self, resolver: bytes) -> bool:  # noqa: ARG002
        return True
