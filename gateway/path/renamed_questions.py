"""Safe search: the addresses of safe names (interface), and the queries that were forwarded under one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gateway.wire.dns.message import DnsQuestion

MAX_PENDING = 2048  # 300 bytes each
PENDING_AGE = 15.0  # seconds; a stub resolver stops waiting after 5 to 10

Client = tuple[int, bytes, int]
"""The sender of a query: slot, packed address, port."""


class SafeAddresses(Protocol):
    """Interface: the addresses of safe search names, as the gateway resolves them.

    A device's resolver is not trusted.
    """

    def of(self, name: str) -> Sequence[bytes]:
        """Return the packed addresses that the gateway resolved ``name`` to; empty if unknown."""
        ...

    def trusts(self, resolver: bytes) -> bool:
        """Return whether this resolver (packed address) gives the same answers as the gateway's own."""
        ...


class TrustsAll:
    """A SafeAddresses without addresses that trusts every resolver.

    It is for programs that run without the gateway's resolver.
    """

    def of(self, name: str) -> Sequence[bytes]:  # noqa: ARG002
        return ()

    def trusts(self, resolver: bytes) -> bool:  # noqa: ARG002
        return True


class RenamedQuestion(NamedTuple):
    """A DNS query that was forwarded under a safe search name, with what is needed to restore its answer."""

    original: DnsQuestion
    safe_name: str
    limit: int  # bytes that the client accepts over UDP
    since: float  # seconds of a monotonic clock, when it was forwarded


class RenamedQuestions:
    """Stores DNS queries that were forwarded under safe search names until their answers arrive.

    They are stored by client and message id. If there are more than MAX_PENDING, the oldest is evicted.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[Client, int], RenamedQuestion] = OrderedDict()

    def put(self, client: Client, ident: int, renamed: RenamedQuestion) -> None:
        """Store a forwarded query until its answer. If there are too many, evict the oldest.

        ``client``: its slot, packed address and port; ``ident``: the message id.
        """
        self._waiting[client, ident] = renamed
        self._waiting.move_to_end((client, ident))
        if len(self._waiting) > MAX_PENDING:
            self._waiting.popitem(last=False)

    def take(self, client: Client, ident: int, now: float) -> RenamedQuestion | None:
        """Return and remove a query; None if it was not renamed, or more than PENDING_AGE seconds ago.

        ``client``: its slot, packed address and port; ``ident``: the message id.
        """
        found = self._waiting.pop((client, ident), None)
        return found if found is not None and now - found.since <= PENDING_AGE else None

    def forget(self, slot: int) -> None:
        for key in [waiting for waiting in self._waiting if waiting[0][0] == slot]:
            del self._waiting[key]
