"""Learns addresses from the DNS answers of a capture; a gateway sends queries of its own instead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gateway.path.addresses import AddressBook, ServiceBook
from gateway.policy.names.hosts import HostMap
from gateway.policy.values import Decision, Verdict
from gateway.wire.dns.message import Message

SLOT = 1  # for all devices in a capture
MAX_ASKED = 1 << 13  # queries without an answer yet
MAX_ADDRESSES = 1 << 16
MAX_HELP = 1 << 10  # names of help lines; a capture has a few
MAX_HELP_ADDRESSES = 1 << 6  # of one name

Asker = tuple[bytes, int, int]  # address and port of the client, id of the query


class Learned:
    """Addresses by name, for a replay.

    ``help_names`` are those of help lines; ``services_of`` returns a host's services. ``now`` is the time of
    the newest frame, in seconds.
    """

    def __init__(
        self,
        help_names: HostMap[str],
        services_of: Callable[[str], tuple[str, ...]],
        calling_names: HostMap[str] | None = None,
    ) -> None:
        self.now = 0.0
        self.services = ServiceBook(services_of, lambda: self.now)
        self.book = AddressBook(MAX_ADDRESSES)
        self._help_names = help_names
        self._calling_names = HostMap({}) if calling_names is None else calling_names
        self._help: dict[str, set[bytes]] = {}
        self._calling: set[bytes] = set()
        self._asked: OrderedDict[Asker, Decision] = OrderedDict()

    def asked(self, asker: Asker, decision: Decision) -> None:
        """Record the decision about a query."""
        self._asked[asker] = decision
        self._asked.move_to_end(asker)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)

    def answered(self, asker: Asker, message: Message) -> None:
        """Record an answer. A gateway would not have received one to a refused query, so that is ignored."""
        decision = self._asked.pop(asker, None)
        question = message.question
        if question is None or (decision is not None and decision.verdict is Verdict.BLOCK):
            return
        ttl = min((record.ttl for record in message.answers), default=0)
        safe = None if decision is None else decision.rewrite
        if safe is not None:
            # For a rewritten query, a gateway would have received only the safe name's addresses.
            answers = tuple(record for record in message.answers if record.name == safe)
            message = message._replace(answers=answers)
        addresses = message.addresses()
        self.book.learn(SLOT, addresses, ttl, self.now)
        self.services.learn(SLOT, question.name, addresses, ttl)
        for name in {question.name} | {record.name for record in message.answers}:
            self.book.learn(name, addresses, ttl, self.now)
        if question.name in self._help_names and (question.name in self._help or len(self._help) < MAX_HELP):
            known = self._help.setdefault(question.name, set())
            known.update(addresses[: MAX_HELP_ADDRESSES - len(known)])
            if question.name in self._calling_names:
                self._calling |= known

    def help_address(self, host: str, address: bytes) -> bool:
        """Whether ``address`` is the help line's.

        True unless an answer of the capture contradicts it. An answer without addresses of this IP version
        does not contradict it.
        """
        known = self._help.get(host, frozenset[bytes]())
        return address in known or all(len(other) != len(address) for other in known)

    def calling_address(self, address: bytes) -> bool:
        return address in self._calling

    def safe_address(self, name: str, address: bytes) -> bool:
        return self.book.knows(name, address, self.now)

    def __contains__(self, address: object) -> bool:
        """Whether an allowed name resolved to ``address``, as a Situation uses it."""
        return isinstance(address, bytes) and self.book.knows(SLOT, address, self.now)
