"""The verbs `cards` and `dismiss`: list and dismiss alerts about bypass methods that devices used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from gateway.control.contract.bypass_alerts import (
    BYPASS_CARDS,
    DISMISS_CARD,
    BypassCard,
    BypassCards,
    BypassCardsRequest,
    DismissedCard,
    DismissRequest,
    MenuPath,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.schema import values_of
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.bypass_alerts.cards import CardChanged
from gateway.household.context import HomeContext
from gateway.household.presence import Presence
from gateway.policy.alerts.card_messages import card_sentence
from gateway.policy.alerts.cards import AlertCard, for_child, for_guardian, visible_card
from gateway.policy.alerts.menus import in_language, path
from gateway.policy.identity.macs import parse_mac
from gateway.policy.language import ENGLISH
from gateway.policy.profile.rules import NAMES_LEVEL
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.bypass_cards import BypassCardTable


class BypassCardVerbs:
    """Lists and dismisses bypass alerts (cards), and publishes their changes as events.

    ``today`` returns the family's day at a time.
    """

    def __init__(
        self,
        home: HomeContext,
        cards: BypassCardTable,
        today: Callable[[datetime], date],
        audit: RecordAudit,
        presence: Presence,
        access: Access,
    ) -> None:
        self._home = home
        self._cards = cards
        self._today = today
        self._audit = audit
        self._presence = presence
        self._access = access
        home.bus.subscribe(CardChanged, self._publish)

    def register(self, router: Router) -> None:
        router.serve(BYPASS_CARDS, self.cards)
        router.serve(DISMISS_CARD, self.dismiss)

    def cards(self, call: Call[BypassCardsRequest]) -> BypassCards:
        """Return the cards for guardians, or with ``device`` those about this device of a child.

        The device gets its own at any log level. At most ``limit`` are returned, with the number of
        all.
        """
        if call.has("device"):
            member = self._access.child(call)
            found = for_child(self._cards.of(member.macs[0]), member.profile.id)
        else:
            found = self.waiting()
        return BypassCards(tuple(self._describe(card) for card in found[: call.args.limit]), len(found))

    def waiting(self) -> list[AlertCard]:
        """Return the bypass alerts that guardians are shown now, without what the profile's log level hides.

        Below KINDS_LEVEL that is the whole alert.
        """
        today = self._today(self._home.local_now())
        shown = (self._visible(card) for card in for_guardian(self._cards.all(), today))
        return [card for card in shown if card is not None]

    def dismiss(self, call: Call[DismissRequest]) -> DismissedCard:
        """Hide a device's card from guardians, or show it again with ``back``, and write an audit line.

        The device's own page still shows it. Raises ControlError if there is no such card.
        """
        by, args = self._access.guardian(call), call.args
        back, way, mac = args.back, args.way, parse_mac(args.device)
        now, origin = self._home.local_now(), call.text("origin", "")
        found = [card for card in self._cards.of(mac or "") if card.way == way and self._visible(card)]
        if not found:
            raise ControlError.of(Code.NO_CARD)
        card = found[-1]
        self._cards.put(replace(card, dismissed=not back))
        what = "card back" if back else "card put away"
        self._audit(what, f"{card.mac} {card.way}", by=by, at=now, origin=origin)
        self._home.publish(
            "card", device=card.mac, profile=card.profile, way=card.way, what="answered", by=by
        )
        return DismissedCard(card.mac, card.way)

    def _visible(self, card: AlertCard) -> AlertCard | None:
        """Return the part of a card that guardians may see at the profile's present log level, or None."""
        profile = self._home.rules.household.profiles.get(card.profile)
        return None if profile is None else visible_card(card, profile.rules.log_level)

    def _describe(self, card: AlertCard) -> BypassCard:
        rules, presence = self._home.rules, self._presence
        sight = presence.inventory.sight(card.mac)
        resolver = rules.world.resolvers.names.get(card.host) if card.host else None
        profile = rules.household.profiles.get(card.profile)
        name, visible = presence.here.name_of(card.mac), self._visible(card)
        menus = rules.menus(card.topic, sight)
        first = path(in_language(menus[0].steps, "en")) if len(menus) == 1 else ""
        return BypassCard(
            device=card.mac,
            name=name,
            kind="" if sight is None else sight.traits.kind,
            profile=card.profile,
            profile_name="" if profile is None else profile.name,
            way=card.way,
            topic=card.topic,
            day=card.day,
            at=None if card.at is None else card.at.astimezone(rules.household.config.zone),
            host=card.host or None,
            resolver=None if resolver is None else resolver.name,
            proto=card.proto or None,
            sure=card.sure,
            solved=card.solved,
            told=0 if visible is None else min(visible.level, NAMES_LEVEL),
            menus=tuple(MenuPath(menu.id, menu.name, menu.since or None, menu.steps) for menu in menus),
            sentence=card_sentence(card, name or card.mac, ENGLISH, first),
        )

    def _publish(self, event: CardChanged) -> None:
        """Publish a changed card to guardians, as far as the log level allows.

        The device's own page polls.
        """
        card, new = event.card, event.new
        visible = self._visible(card)
        if visible is None:
            return
        what = "raised" if new else "solved" if card.solved else "changed"
        self._home.publish("card", what=what, by=None, **values_of(self._describe(visible)))
