"""The verbs `cards` and `dismiss`: closed ways that a device uses, told to a guardian and to who holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.verbs.whom import Whom
from gateway.daemon.waycards import CardChanged
from gateway.policy.loglevels import NAMES_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.menus import in_language, path
from gateway.policy.waycards import Card, card_sentence, for_child, for_guardian, told

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

SHOWN = 64  # cards, at most


class WayCardVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom
        daemon.bus.subscribe(CardChanged, self._publish)

    def table(self) -> Mapping[str, Verb]:
        return {"cards": self.cards, "dismiss": self.dismiss}

    def cards(self, request: Request) -> Mapping[str, object]:
        """With ``device`` what that device is told of itself, whatever its log level."""
        limit = request.whole("limit", least=1, most=SHOWN, default=SHOWN)
        if request.has("device"):
            member = self._whom.child(request)
            found = for_child(self._daemon.store.way_cards.of(member.macs[0]), member.profile.id)
        else:
            found = self.waiting()
        return {"cards": [self._describe(one) for one in found[:limit]], "count": len(found)}

    def waiting(self) -> list[Card]:
        """Those that wait for a guardian, each with as much as the log level lets one see."""
        today = self._daemon.store.today(self._daemon.local_now())
        shown = (self._told(one) for one in for_guardian(self._daemon.store.way_cards.all(), today))
        return [one for one in shown if one is not None]

    def dismiss(self, request: Request) -> Mapping[str, object]:
        """A guardian puts a card away, or with ``back`` has it again; the device's own page stays."""
        by, mac = self._whom.guardian(request), parse_mac(request.text("device"))
        back, way = request.has("back"), request.text("way")
        daemon, now = self._daemon, self._daemon.local_now()
        found = [one for one in daemon.store.way_cards.of(mac or "") if one.way == way and self._told(one)]
        if not found:
            request.refuse("device", "has no such card", Code.NO_CARD)
        card = found[-1]
        daemon.store.way_cards.put(replace(card, dismissed=not back))
        what = "card back" if back else "card put away"
        daemon.store.audit(what, f"{card.mac} {card.way}", by=by, at=now, origin=request.text("origin", ""))
        daemon.control.publish(
            "card", device=card.mac, profile=card.profile, way=card.way, what="answered", by=by
        )
        return {"device": card.mac, "way": card.way}

    def _told(self, card: Card) -> Card | None:
        """What a guardian may see of it by the log level that its profile has now."""
        profile = self._daemon.rules.household.profiles.get(card.profile)
        return None if profile is None else told(card, profile.rules.log_level)

    def _describe(self, card: Card) -> dict[str, object]:
        rules, presence = self._daemon.rules, self._daemon.presence
        sight = presence.inventory.sight(card.mac)
        resolver = rules.world.resolvers.names.get(card.host) if card.host else None
        profile = rules.household.profiles.get(card.profile)
        name, seen = presence.here.name_of(card.mac), self._told(card)
        menus = rules.menus(card.topic, sight)
        first = path(in_language(menus[0].steps, "en")) if len(menus) == 1 else ""
        return {
            "device": card.mac,
            "name": name,
            "kind": "" if sight is None else sight.traits.kind,
            "profile": card.profile,
            "profile_name": "" if profile is None else profile.name,
            "way": card.way,
            "topic": card.topic,
            "day": card.day.isoformat(),
            "at": None if card.at is None else card.at.astimezone(rules.household.config.zone),
            "host": card.host or None,
            "resolver": None if resolver is None else resolver.name,
            "proto": card.proto or None,
            "sure": card.sure,
            "solved": card.solved,
            "told": 0 if seen is None else min(seen.level, NAMES_LEVEL),
            "menus": [
                {"id": one.id, "name": one.name, "since": one.since or None, "steps": one.steps}
                for one in menus
            ],
            "sentence": card_sentence(card, name or card.mac, first),
        }

    def _publish(self, event: CardChanged) -> None:
        """Notify guardians, as far as the log level allows. The device's own page polls."""
        card, new = event.card, event.new
        seen = self._told(card)
        if seen is None:
            return
        what = "raised" if new else "solved" if card.solved else "changed"
        self._daemon.control.publish("card", what=what, by=None, **self._describe(seen))
