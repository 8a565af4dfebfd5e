"""Limits the DNS work and bytes of one slot, so that a DNS tunnel is too slow to be useful."""

from __future__ import annotations

from gateway.wire.dns.message import MIN_UDP_SIZE
from gateway.wire.flows.limits import Effort, Limits

# Bytes of queries and answers, per second and as a burst. A page without cached names needs about 20 kB, and
# a browser may reopen fifty pages at its start. A DNS tunnel then has 64 kbit/s, with any resolver and
# transport.
BULK = Limits(work_rate=8_000, work_burst=1_024_000)
ASKED_BULK = 64_000  # more bytes for answers: a query that was forwarded should get its answer


class DnsAllowance:
    """The limits by slot. Slot 0, the unfiltered devices, has no limit of bytes."""

    def __init__(self) -> None:
        self._effort = Effort(Limits())
        self._bulk = Effort(BULK)

    def allows_query(self, slot: int, query: bytes, now: float) -> bool:
        """Whether a query may be forwarded now. If so, it is counted."""
        if not slot:
            return True
        if not self._bulk.allows(slot, now):
            return False
        self._bulk.spend(slot, len(query), now)
        return True

    def allows_answer(self, slot: int, answer: bytes, now: float) -> bool:
        """Whether an answer may be read and forwarded now. If so, it is counted."""
        if not (self._effort.allows(slot, now) and self._bulk.allows(slot, now, ASKED_BULK)):
            return False
        self._effort.spend(slot, _steps(answer), now)
        self._bulk.spend(slot, len(answer), now)
        return True

    def forget(self, slot: int) -> None:
        self._effort.forget(slot)
        self._bulk.forget(slot)


def _steps(answer: bytes) -> int:
    """Return the steps of work for an answer.

    Ordinary answers have a few records; in large ones a name in each record may cost a hundred times as much.
    """
    return len(answer) >> (4 if len(answer) <= MIN_UDP_SIZE else 1)
