"""Questions about devices as the control socket tells them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.daemon.devices.grouping import Grouping
from gateway.daemon.eyes import Eyes, Sightings
from gateway.daemon.files.steps import PROGRAM
from gateway.policy.asking import question_sentence
from gateway.policy.profile import Profile
from gateway.policy.questions import TAKES_PROFILE, Ask, Question, meanwhile

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

UNNAMED = "A device"


class Asking:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def open(self) -> Iterator[Question]:
        """Those that wait: of the family's addresses, then of what may be a child's; the newest first."""
        found = [one for one in self._daemon.store.questions.all().values() if one.waits]
        found.sort(key=lambda one: one.at, reverse=True)
        return iter(sorted(found, key=lambda one: (one.about_stranger, one.ask is Ask.NEW)))

    def says_adult(self, mac: str) -> bool:
        """Somebody says on a stranger's device to be an adult: nothing of it is written down from now on, and
        the family is asked. False where that finds no room.
        """
        daemon, now = self._daemon, self._daemon.clock.now()
        known = daemon.store.questions.all().get(mac)
        asked = replace(known or Question(mac, Ask.NEW, now), adult=True, silent=False)
        if not daemon.store.questions.put(asked, self._last_seen, now):
            return False
        daemon.store.audit("says adult", mac, by=PROGRAM, at=now)
        daemon.control.publish("identity", what="asked", **self.describe(asked))
        daemon.reassign()
        return True

    def _last_seen(self, mac: str) -> datetime | None:
        device = self._daemon.store.devices.all().get(mac)
        return None if device is None else device.last_seen

    def describe(self, one: Question) -> dict[str, object]:
        """One of the answer to ``questions``; gateway/control/README.md has the keys."""
        household, presence = self._daemon.rules.household, self._daemon.presence
        owner = household.owner_of(one.known or one.mac)
        rules = self._rules(one)
        name, known = presence.here.name_of(one.mac), presence.here.name_of(one.known) if one.known else ""
        traits, eyes = presence.inventory.traits(one.mac), Eyes(self._daemon)
        # It waits for an answer; only of a child's own device it is not said when that came or went.
        subject = one.known or one.mac
        exact = owner is None or not owner.is_child or eyes.is_exact(subject)
        owner_name = "" if owner is None or owner.built_in else owner.name
        return {
            "mac": one.mac,
            "ask": one.ask,
            "at": one.at.astimezone(household.config.zone) if exact else eyes.seen(subject, one.at),
            "name": name,
            "kind": "" if traits is None else traits.kind,
            "online": presence.inventory.online(one.mac) if exact else None,
            "sightings": Sightings.MOMENT if exact else eyes.sightings(subject),
            "known": one.known or None,
            "known_name": known,
            "owner": None if not owner_name or owner is None else owner.id,
            "owner_name": owner_name,
            "rules": None if rules is None else rules.id,
            "rules_name": "" if rules is None else rules.name,
            "signs": list(one.signs),
            "settled": one.settled,
            "adult": one.adult,
            "replies": list(one.replies),
            "people": one.ask in TAKES_PROFILE,
            "sentence": question_sentence(
                one,
                name or f"{UNNAMED} ({one.mac})",
                known or one.known,
                owner_name,
                "" if rules is None else rules.name,
            ),
        }

    def _rules(self, one: Question) -> Profile | None:
        """Whose rules hold until somebody answers; None where the question changes nothing."""
        daemon, household = self._daemon, self._daemon.rules.household
        devices, where = daemon.store.devices.all(), daemon.presence.interface_of
        uses = daemon.store.uses.all()
        alone = Grouping(household, devices, {}, (), daemon.clock.now(), where, uses)
        otherwise, locked = alone.otherwise(one.mac)
        return None if otherwise is None or locked else meanwhile(household, one, otherwise)
