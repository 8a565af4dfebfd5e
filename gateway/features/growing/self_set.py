"""Bedtimes and limits that children set for themselves. They apply in addition to the rule files."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.contract.growing import SelfSetChoice, SelfSetTimes
from gateway.household.context import Effects, HomeContext
from gateway.household.loading import vocabulary
from gateway.policy.judge.target_names import target_name
from gateway.policy.profile import self_set as selfset
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import by_day_to_yaml
from gateway.policy.profile.rules import SelfSet
from gateway.policy.profile.self_set import MOST_LIMITS, OwnSetting
from gateway.store.tables.self_set import SelfSetTable

Asked = tuple[str, tuple[OwnSetting, ...]]


class SelfSetting:
    """Stores the bedtimes and limits that children set for themselves, and adds them to their profiles."""

    def __init__(self, home: HomeContext, effects: Effects, choices: SelfSetTable) -> None:
        self._home = home
        self._effects = effects
        self._choices = choices
        self._read: dict[str, tuple[Asked, SelfSet | None]] = {}  # by profile, of those that have chosen

    def laid(self, profile: Profile) -> Profile:
        """Return the profile with the bedtime and limits that the child set for itself.

        They are left out if it may not set any now. If ``profile`` already has exactly these settings, it is
        returned itself.
        """
        household = self._home.rules.household
        choices = self._choices.of(profile.id)
        if not choices or not selfset.may_set(profile, household.bands):
            return selfset.with_self_set(profile, None)
        asked = profile.name, choices
        known = self._read.get(profile.id)
        if known is None or known[0] != asked:
            found = selfset.self_set(choices, profile.name, vocabulary(self._home.rules.product))
            known = self._read[profile.id] = asked, found
        return selfset.with_self_set(profile, known[1])

    def change(self, profile: Profile, changes: Mapping[str, object], origin: str) -> None:
        """Store and apply changes that a child makes to its own bedtime and limits. ``changes``: by key.

        Raises:
            PolicyError: a change is not valid; nothing is changed then.
        """
        home, at = self._home, self._home.local_now()
        before = self._choices.of(profile.id)
        after = selfset.chosen(before, changes, at, vocabulary(home.rules.product))
        if _plainly(after) == _plainly(before):
            return
        summary = ", ".join(f"{key} {'off' if value is None else 'set'}" for key, value in changes.items())
        self._choices.put(profile.id, after, audit_text=summary, by=profile.name, at=at, origin=origin)
        if not after:
            self._read.pop(profile.id, None)
        self._effects.regroup()

    def describe(self, profile: Profile) -> SelfSetTimes | None:
        """Return the bedtime and limits that a child set, and whether it may set any.

        None for a child that may set none and has set none.
        """
        rules, choices = self._home.rules, self._choices.of(profile.id)
        bands = rules.household.bands
        able = selfset.may_set(profile, bands)
        if not able and not choices:
            return None
        zone = rules.household.config.zone
        return SelfSetTimes(
            may=able,
            most=MOST_LIMITS,
            suggested={"bedtime": by_day_to_yaml(bands[profile.band].suggested_bedtime, str)},
            choices=tuple(
                SelfSetChoice(
                    key=choice.key,
                    name=target_name(choice.target, rules.names) if choice.target else None,
                    value=choice.value,
                    at=choice.at.astimezone(zone),
                )
                for choice in choices
            ),
        )


def _plainly(choices: tuple[OwnSetting, ...]) -> set[tuple[str, str]]:
    return {(choice.key, choice.said) for choice in choices}
