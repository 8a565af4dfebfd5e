"""What the capture's own DNS answers say of addresses. In the gateway it is the gateway that resolves names."""

from __future__ import annotations

from collections import OrderedDict

from gateway.path.addresses import AddressBook
from gateway.policy.values import Decision, Verdict
from gateway.wire.dns import A, AAAA, Message

SLOT = 1  # all devices in a capture are one
MAX_ASKED = 1 << 13  # questions that wait for their answer
MAX_ADDRESSES = 1 << 16
MAX_ANSWERED = 1 << 16

Asker = tuple[bytes, int, int]  # address and port of who asks, id of the question


class Learned:
    """``now`` is the time of the newest frame, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._book = AddressBook(MAX_ADDRESSES)
        self._asked: OrderedDict[Asker, Decision] = OrderedDict()
        self._answered: OrderedDict[str, None] = OrderedDict()

    def asked(self, asker: Asker, decision: Decision) -> None:
        """A question was decided so."""
        self._asked[asker] = decision
        self._asked.move_to_end(asker)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)

    def answered(self, asker: Asker, message: Message) -> None:
        """An answer. One to a refused question would not have come, and tells nothing."""
        decision = self._asked.pop(asker, None)
        if message.question is None or (decision is not None and decision.verdict is Verdict.BLOCK):
            return
        safe = None if decision is None else decision.rewrite
        addresses = []
        ttl = min((record.ttl for record in message.answers), default=0)
        for record in message.answers:
            if record.rtype not in (A, AAAA):
                continue
            self._learn(record.name, record.rdata, ttl)
            # Of a rewritten question only the safe name's own addresses would have come.
            if safe is None or record.name == safe:
                addresses.append(record.rdata)
                self._learn(message.question.name, record.rdata, ttl)
        self._book.learn(SLOT, addresses, ttl, self.now)

    def _learn(self, name: str, address: bytes, ttl: int) -> None:
        self._book.learn(name, [address], ttl, self.now)
        self._answered[name] = None
        self._answered.move_to_end(name)
        if len(self._answered) > MAX_ANSWERED:
            self._answered.popitem(last=False)

    def help_address(self, host: str, address: bytes) -> bool:
        """Whether help may be there: what no answer of the capture contradicts is taken for right."""
        return host not in self._answered or self._book.knows(host, address, self.now)

    def safe_address(self, name: str, address: bytes) -> bool:
        return self._book.knows(name, address, self.now)

    def __contains__(self, address: object) -> bool:
        """Whether a name that was let through resolved to it, as a Situation asks."""
        return isinstance(address, bytes) and self._book.knows(SLOT, address, self.now)
