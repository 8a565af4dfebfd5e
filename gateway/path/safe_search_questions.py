"""DNS queries that were sent under a safe search name, until their answers arrive."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from gateway.wire.dns.message import DnsQuestion

MAX_PENDING = 2048  # 300 bytes each
PENDING_AGE = 15.0  # seconds; a stub resolver stops waiting after 5 to 10

Client = tuple[int, bytes, int]  # slot, packed address, port


class RenamedQuestion(NamedTuple):
    """A query that was sent under another name."""

    original: DnsQuestion
    safe_name: str
    limit: int  # bytes that the client accepts over UDP
    since: float


class RenamedQuestions:
    """Bounded table by client and message id; the query that waits for longest is evicted."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[Client, int], RenamedQuestion] = OrderedDict()

    def put(self, client: Client, ident: int, renamed: RenamedQuestion) -> None:
        self._waiting[client, ident] = renamed
        self._waiting.move_to_end((client, ident))
        if len(self._waiting) > MAX_PENDING:
            self._waiting.popitem(last=False)

    def take(self, client: Client, ident: int, now: float) -> RenamedQuestion | None:
        """Return and remove a query; None if it was not renamed, or the answer is too late."""
        found = self._waiting.pop((client, ident), None)
        return found if found is not None and now - found.since <= PENDING_AGE else None

    def forget(self, slot: int) -> None:
        for key in [waiting for waiting in self._waiting if waiting[0][0] == slot]:
            del self._waiting[key]
