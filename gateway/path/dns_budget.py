"""How much DNS one slot may have: of work here, and of bytes, so that no tunnel in it is of use."""

from __future__ import annotations

from gateway.wire.dns.message import MIN_UDP_SIZE
from gateway.wire.flows.effort import Effort
from gateway.wire.flows.limits import Limits

# Bytes of questions and answers, a second and at once: a page needs some 20 kB of them when nothing is known
# yet, and a browser may open fifty again when it starts. A tunnel in DNS then has 64 kbit/s, whatever
# resolver and transport it uses.
BULK = Limits(work_rate=8_000, work_burst=1_024_000)
ASKED_BULK = 64_000  # bytes more for answers: what was asked is best answered


class Share:
    """Slot 0, the devices that nothing filters, has no bound of bytes."""

    def __init__(self) -> None:
        self._effort = Effort(Limits())
        self._bulk = Effort(BULK)

    def asks(self, slot: int, query: bytes, now: float) -> bool:
        """Whether a question may be sent on now; then it counts."""
        if not slot:
            return True
        if not self._bulk.allows(slot, now):
            return False
        self._bulk.spend(slot, len(query), now)
        return True

    def takes(self, slot: int, answer: bytes, now: float) -> bool:
        """Whether an answer may be read and handed on now; then it counts."""
        if not (self._effort.allows(slot, now) and self._bulk.allows(slot, now, ASKED_BULK)):
            return False
        self._effort.spend(slot, _steps(answer), now)
        self._bulk.spend(slot, len(answer), now)
        return True

    def forget(self, slot: int) -> None:
        self._effort.forget(slot)
        self._bulk.forget(slot)


def _steps(answer: bytes) -> int:
    """Of work in an answer. Ordinary ones have a record or a few; in large ones a name in each record may be
    made to cost a hundred times as much.
    """
    return len(answer) >> (4 if len(answer) <= MIN_UDP_SIZE else 1)
