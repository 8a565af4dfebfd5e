"""What a child asked for, as the control socket tells it: whole to its own device, and to its guardians while
it waits for their answer; afterwards by the log level of its rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.daemon.eyes import Eyes, day_of
from gateway.policy.gifts import limits_name, thing_name
from gateway.policy.loglevels import KINDS_LEVEL, NAMES_LEVEL
from gateway.policy.requests import ChildRequest, Topic

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

SERVICE, CATEGORY = "service:", "category:"
WHOLE, KIND = "all", "kind"  # how much of one is told
OVER = "over"  # the state of one that waits no more, where it is not told what became of it


class AskedValues:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._eyes = Eyes(daemon)

    def whole(self, one: ChildRequest) -> dict[str, object]:
        rules = self._daemon.rules
        zone = rules.household.config.zone
        profile = rules.household.find(one.who)
        thing = f"{SERVICE}{one.thing}" if one.topic is Topic.TIME and one.thing else one.thing
        return {
            "id": one.id,
            "profile": one.who,
            "name": one.who if profile is None else profile.name,
            "device": one.device,
            "topic": one.topic,
            "thing": thing or None,
            "thing_name": self._name(one, thing),
            "since": None if one.since is None else one.since.astimezone(zone),
            "minutes": one.minutes or None,
            "reason": one.reason,
            "at": one.at.astimezone(zone),
            "expires": one.expires.astimezone(zone) if one.waits else None,
            "state": one.state,
            "reminded": one.reminded and one.waits,
            "answer": one.answer,
            "given": one.given or None,
            "because": one.because,
            "by": one.by or None,
            "answered": None if one.answered is None else one.answered.astimezone(zone),
            "grant": one.grant,
            "told": WHOLE,
        }

    def to_guardians(self, one: ChildRequest) -> dict[str, object] | None:
        """None: nothing of it is told. Words that somebody typed may name anything, and are left out with
        the names.
        """
        level = self.level(one)
        if one.waits or level >= NAMES_LEVEL:
            return self.whole(one)
        if level < KINDS_LEVEL:
            return None
        zone = self._daemon.rules.household.config.zone
        kind = self._kind(one)
        return self.whole(one) | {
            "device": None,
            "thing": kind or None,
            "thing_name": self._name(one, kind),
            "since": None,
            "reason": "",
            "because": "",
            "at": day_of(one.at.astimezone(zone)),
            "answered": None if one.answered is None else day_of(one.answered.astimezone(zone)),
            "told": KIND,
        }

    def asked(self, one: ChildRequest, name: str, sentence: str) -> Mapping[str, object] | None:
        """The event ``request`` of it; None: there is none, since it was granted by itself."""
        told = self.to_guardians(one)
        if told is None:
            return None
        is_whole = told["told"] == WHOLE
        return {
            "id": one.id,
            "profile": one.who,
            "name": name,
            "site": one.thing if one.topic is Topic.SITE and is_whole else None,
            "topic": one.topic,
            "state": one.state,
            "sentence": sentence if is_whole else "",
            "reminder": False,
        }

    def answered(self, one: ChildRequest, sentence: str = "") -> Mapping[str, object]:
        """The event ``answer`` of one that waits no more."""
        level = self.level(one)
        event: dict[str, object] = {"id": one.id, "profile": one.who}
        if level < KINDS_LEVEL:
            return event | {"state": OVER}
        event |= {"state": one.state}
        if not one.by:
            return event
        event |= {"answer": one.answer, "by": one.by}
        return event | ({"because": one.because, "sentence": sentence} if level >= NAMES_LEVEL else {})

    def audited(self, one: ChildRequest, what: str) -> str:
        """What the audit calls it; empty where it has no line of what a child without a log does."""
        return what if self.level(one) >= KINDS_LEVEL else ""

    def level(self, one: ChildRequest) -> int:
        """Of a child who is not of the family any more nothing is told."""
        known = one.who in self._daemon.rules.household.profiles
        return self._eyes.level(one.who) if known else 0

    def _name(self, one: ChildRequest, thing: str) -> str | None:
        named = limits_name if one.topic is Topic.LEDGER else thing_name
        return named(thing, self._daemon.rules.names) if thing else None

    def _kind(self, one: ChildRequest) -> str:
        """The categories, or limits, in the place of names."""
        if one.topic is not Topic.LEDGER:
            return self._category(f"{SERVICE}{one.thing}" if one.topic is Topic.TIME else one.thing)
        kinds = (self._category(gate) if gate.startswith(SERVICE) else gate for gate in one.thing.split())
        return " ".join(dict.fromkeys(filter(None, kinds)))

    def _category(self, thing: str) -> str:
        """Of a service or a site; empty where it has none."""
        world = self._daemon.rules.world
        catalogue = world.catalogue
        if thing.startswith(SERVICE):
            found = frozenset(catalogue.kinds_of(thing.removeprefix(SERVICE)))
        else:
            found = catalogue.categories_of(catalogue.services_of(thing)) or world.table.categories(thing)
        return CATEGORY + min(found) if found else ""
