"""Resolves names for devices, so that their claims are not trusted and they need not repeat queries.

After a start no answer is known, but devices cache theirs for long: a connection to such an address is
refused. The gateway resolves the name itself, and the next attempt passes. Names of tunnels that stay open
are resolved from the start: a tunnel does not show a name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from gateway.core.loop import Loop
from gateway.dataplane.lookups import KEPT, Lookups
from gateway.household.members import Member
from gateway.path.addresses import AddressBook, NameBook
from gateway.path.subject import Sink, Subject
from gateway.policy.profile.rules import FAMILY, Kind
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict

AGAIN = 5.0  # seconds between two queries for one name and device; its answers change as often at most
MAX_ASKED = 512  # names and slots of recent queries, 200 bytes each
BURST = 64.0  # queries at the same time for one slot: a phone that wakes up contacts some thirty names
RATE = 4.0  # a second after that
MAX_TUNNELS = 64  # names of one person that are resolved periodically; a family writes a handful
QTYPE_A = 1  # RFC 1035 3.2.2

_CURED = frozenset({Reason.UNRESOLVED, Reason.ENCRYPTED_DNS})


class RecordsDecisions(Protocol):
    """Where decisions are recorded."""

    def counted(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> object:
        """Count a decision without notifying anyone."""
        ...

    def decided(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None: ...


class OwnAnswers:
    """Receives every decision about a connection."""

    def __init__(self, loop: Loop, servers: Iterable[str], book: AddressBook, names: NameBook) -> None:
        self._now = loop.now
        self._book = book
        self._names = names
        self._asked: OrderedDict[tuple[int, str], float] = OrderedDict()
        self._allowance: dict[int, tuple[float, float]] = {}  # slot → remaining queries, and since when
        self._kept: dict[str, frozenset[int]] = {}  # names of tunnels → slots
        self._lookups = Lookups(loop, servers, self._found)

    def sink(self, decision_log: RecordsDecisions) -> Sink:
        """Return a receiver of decisions. A refusal that a retry resolves is only counted."""

        def decided(subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:
            if self.cures(subject, seen, decision, at):
                decision_log.counted(subject, seen, decision, at)  # the next attempt passes
            else:
                decision_log.decided(subject, seen, decision, at)

        return decided

    def cures(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> bool:
        """Resolve an allowed name that a device used with an address that no answer gave it.

        Returns whether the address may come from the device's cache: only at the first time for this name.
        """
        if decision.reason not in _CURED or seen.proto is Proto.DNS or seen.host is None:
            return False
        slot, host, now = subject.slot, seen.host, self._now()
        before = self._asked.get((slot, host))
        if not self._names.watches(slot) or (before is not None and now - before < AGAIN):
            return False
        question = Observation(Proto.DNS, host, qtype=QTYPE_A)
        if subject.decide(question, at).verdict is not Verdict.ALLOW or not self._may_ask(slot, now):
            return False
        self._asked[slot, host] = now
        self._asked.move_to_end((slot, host))
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)
        self._lookups.ask(host)
        return before is None and decision.reason is Reason.UNRESOLVED

    def _may_ask(self, slot: int, now: float) -> bool:
        left, since = self._allowance.get(slot, (BURST, now))
        left = min(BURST, left + (now - since) * RATE)
        self._allowance[slot] = (max(left - 1.0, 0.0), now)
        return left >= 1.0

    def keep(self, members: Mapping[int, Member]) -> None:
        """Resolve the names to which tunnels stay open for these members."""
        kept: dict[str, set[int]] = {}
        for slot, member in members.items():
            rules = member.profile.rules
            own = [entry for entry in (*rules.allow, *rules.homework) if entry.owner == FAMILY]
            # Those of a managed device are last.
            names = [entry.value for entry in reversed(own) if entry.kind is Kind.NAME]
            for name in names[:MAX_TUNNELS] if rules.ways else ():
                kept.setdefault(name, set()).add(slot)
        self._kept = {name: frozenset(slots) for name, slots in kept.items()}
        self._lookups.want(self._kept)

    def teach(self, slot: int) -> None:
        """Resolve the names of a slot's tunnels again: its address book is empty."""
        for name, slots in self._kept.items():
            if slot in slots:
                self._lookups.ask(name)

    def forget(self, slot: int) -> None:
        """Forget the queries for a slot."""
        for key in [asked for asked in self._asked if asked[0] == slot]:
            del self._asked[key]
        self._allowance.pop(slot, None)

    def _found(self, name: str, addresses: list[bytes]) -> None:
        now = self._now()
        asked = {slot for (slot, host), at in self._asked.items() if host == name and now - at < AGAIN}
        for slot in asked:
            self._book.learn(slot, addresses, 0.0, now)
            self._names.learn(slot, name, addresses, 0.0, now, vouched=True)
        for slot in self._kept.get(name, frozenset()) - asked:
            self._names.learn(slot, name, addresses, KEPT, now, vouched=True)

    def close(self) -> None:
        self._lookups.close()
