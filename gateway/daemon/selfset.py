"""What children set for themselves: laid over what the files say, each time those are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.daemon.verbs.hourstold import target_name
from gateway.household import vocabulary
from gateway.policy import selfset
from gateway.policy.selfset import MOST_LIMITS, Choice
from gateway.policy.spoken import by_day

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.daemon.main import Daemon
    from gateway.policy.profile import Profile
    from gateway.policy.rules import SelfSet

Asked = tuple[str, tuple[Choice, ...]]


class SelfSetting:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._read: dict[str, tuple[Asked, SelfSet | None]] = {}  # by profile, of those that have chosen

    def laid(self, profile: Profile) -> Profile:
        """With what holds of it; the same profile as often as nothing is another."""
        household = self._daemon.rules.household
        choices = self._daemon.store.self_set.of(profile.id)
        if not choices or not selfset.may_set(profile, household.bands):
            return selfset.laid(profile, None)
        asked = profile.name, choices
        known = self._read.get(profile.id)
        if known is None or known[0] != asked:
            found = selfset.self_set(choices, profile.name, vocabulary(self._daemon.rules.product))
            known = self._read[profile.id] = asked, found
        return selfset.laid(profile, known[1])

    def change(self, profile: Profile, changes: Mapping[str, object], origin: str) -> None:
        """By the child itself. Raises PolicyError, with all as it was."""
        daemon, at = self._daemon, self._daemon.local_now()
        before = daemon.store.self_set.of(profile.id)
        after = selfset.chosen(before, changes, at, vocabulary(daemon.rules.product))
        if _plainly(after) == _plainly(before):
            return
        told = ", ".join(f"{key} {'off' if value is None else 'set'}" for key, value in changes.items())
        daemon.store.self_set.put(profile.id, after, told=told, by=profile.name, at=at, origin=origin)
        if not after:
            self._read.pop(profile.id, None)
        daemon.reassign()

    def told(self, profile: Profile) -> dict[str, object] | None:
        """For the pages; None of a child that neither sets nor has set anything."""
        rules, choices = self._daemon.rules, self._daemon.store.self_set.of(profile.id)
        bands = rules.household.bands
        able = selfset.may_set(profile, bands)
        if not able and not choices:
            return None
        zone = rules.household.config.zone
        return {
            "may": able,
            "most": MOST_LIMITS,
            "suggested": {"bedtime": by_day(bands[profile.band].suggested_bedtime, str)},
            "choices": [
                {
                    "key": one.key,
                    "name": target_name(one.target, rules) if one.target else None,
                    "value": one.value,
                    "at": one.at.astimezone(zone),
                }
                for one in choices
            ],
        }


def _plainly(choices: tuple[Choice, ...]) -> set[tuple[str, str]]:
    return {(one.key, one.said) for one in choices}
