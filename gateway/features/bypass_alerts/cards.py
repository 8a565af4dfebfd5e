"""Turns refused connections and DNS queries into cards: alerts about bypass methods that devices use.

Plain DNS queries show that a device stopped bypassing, and mark its card as solved. The module receives
refusals of all devices, and queries only of devices with signs of a bypass method or an unsolved card. A
query of another device costs one look-up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.core.bus import Bus
from gateway.household.members import Family, Member
from gateway.household.rule_book import RuleBook
from gateway.policy.alerts.cards import AlertCard, CardTopic
from gateway.policy.alerts.signs import BypassFinding, BypassSign, Traces, is_probe, sign_of
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.values import Decision, Observation, Proto
from gateway.store.tables.bypass_cards import BypassCardTable

MAX_DEVICES = 128  # devices with stored signs, 3 kB each; a family has some dozen


@dataclass(frozen=True, slots=True)
class CardChanged:
    """Published on the bus when a bypass alert is new (``new``), has changed, or is solved."""

    card: AlertCard
    new: bool


class BypassAlerts:
    """Creates bypass alerts (cards) from refusals, and marks them as solved by plain DNS queries.

    ``today``: returns the family's day at a time.
    """

    def __init__(
        self,
        cards: BypassCardTable,
        today: Callable[[datetime], date],
        family: Family,
        rules: RuleBook,
        bus: Bus,
    ) -> None:
        self._bus = bus
        self._cards = cards
        self._today = today
        self._family = family
        self._rules = rules
        self._members = family.members
        self._traces: OrderedDict[str, Traces] = OrderedDict()
        self._watched: frozenset[int] = frozenset()
        self._undated: set[tuple[str, BypassMethod]] = set()  # of cards from while the day was unknown
        self._follow()

    # ------------------------------------------------------------------------------------ events

    def watches(self, slot: int) -> bool:
        """Return whether allowed DNS queries of this slot (number of a device) must be passed to `asked`."""
        if self._members is not self._family.members:
            self._follow()
        return slot in self._watched

    def refused(self, member: Member, seen: Observation, decision: Decision, at: datetime) -> None:
        """Look for a bypass method in a refused connection or query, and create or update its card.

        A refused DNS query without a sign of one is passed to `asked`. ``at``: local time. There are cards
        only for a slot with a single device and a child's rules, not in quarantine and without an open
        question to the guardians.
        """
        mac = _own_device(member)
        if mac is None:
            return
        sign = sign_of(seen, decision, member.profile.rules, self._rules.world)
        if sign is None:
            if seen.proto is Proto.DNS and self.watches(member.slot):
                self.asked(member, seen, decision, at)
            return
        found = self._traces_of(mac, at).sign(sign, at.timestamp())
        if found is not None:
            self._found(member, mac, sign, found, at)

    def asked(self, member: Member, seen: Observation, decision: Decision, at: datetime) -> None:
        """Mark a device's bypass alerts as solved if its plain DNS query shows that it stopped bypassing."""
        mac = _own_device(member)
        if mac is None or seen.host is None or is_probe(seen.host, self._rules.world):
            return
        traces = self._traces_of(mac, at)
        for way in traces.asked(seen.host, at.timestamp(), allowed=decision.allowed):
            for card in self._cards.of(mac):
                if card.way is way and not card.solved:
                    over = replace(card, solved=True)
                    self._cards.note(over)
                    self._bus.publish(CardChanged(over, new=False))

    # ------------------------------------------------------------------------------------ cards

    def _found(self, member: Member, mac: str, sign: BypassSign, found: BypassFinding, at: datetime) -> None:
        self._date(member, at)
        level, day = member.profile.rules.log_level, self._today(at)
        card = self._cards.get((mac, sign.way, day))
        if card is not None and card.profile == member.profile.id:
            self._again(card, sign, found)
            return
        if not member.situation.clock_known:
            self._undated.add((mac, sign.way))
        topic, certain = found.topic, found.certain
        card = AlertCard(
            mac, member.profile.id, sign.way, day, topic, at, sign.host, sign.proto, certain, level
        )
        self._cards.put(card)
        self._bus.publish(CardChanged(card, new=True))

    def _again(self, card: AlertCard, sign: BypassSign, found: BypassFinding) -> None:
        """Update and publish today's card, if it was solved or more is known now; not as a new card."""
        if _better(card, found):
            host = sign.host or card.host
            known = replace(
                card, solved=False, topic=found.topic, sure=found.certain, host=host, proto=sign.proto
            )
            self._cards.put(known)
        elif card.solved:
            known = replace(card, solved=False)
            self._cards.note(known)
        else:
            return
        self._bus.publish(CardChanged(known, new=False))

    def _date(self, member: Member, at: datetime) -> None:
        """Give cards that were created while the clock was unknown today's date, once the clock is known.

        So they are not created again.
        """
        if not self._undated or not member.situation.clock_known:
            return
        today = self._today(at)
        for mac, way in self._undated:
            for card in [card for card in self._cards.of(mac) if card.way is way][-1:]:
                dated = self._cards.get((mac, way, today))
                self._cards.move(card, dated or replace(card, day=today, at=at))
        self._undated.clear()

    # ------------------------------------------------------------------------------------ followed devices

    def _traces_of(self, mac: str, at: datetime) -> Traces:
        traces = self._traces.get(mac)
        if traces is None:
            traces = self._traces[mac] = Traces()
            for card in self._cards.of(mac):
                if not card.solved:
                    traces.resume(card.way, card.host, at.timestamp())
            while len(self._traces) > MAX_DEVICES:
                self._traces.popitem(last=False)
            self._follow()
        self._traces.move_to_end(mac)
        return traces

    def _follow(self) -> None:
        """Update the slots with DNS queries that matter: of devices with stored signs or an unsolved card."""
        self._members = self._family.members
        macs = {slot: _own_device(member) for slot, member in self._members.items()}
        waiting = {card.mac for card in self._cards.all() if not card.solved} | self._traces.keys()
        self._watched = frozenset(slot for slot, mac in macs.items() if mac in waiting)


def _own_device(member: Member) -> str | None:
    alone = len(member.macs) == 1 and member.profile.is_child
    return member.macs[0] if alone and not member.asked and not member.quarantined else None


def _better(card: AlertCard, found: BypassFinding) -> bool:
    """Return whether a finding says more than the card.

    A certain finding says more than a likely one. Of two that are equally certain, another topic does, if it
    is certain or about the whole device instead of one app.
    """
    if found.certain != card.sure:
        return found.certain
    return found.topic is not card.topic and (found.certain or found.topic is CardTopic.PRIVATE_DNS)
