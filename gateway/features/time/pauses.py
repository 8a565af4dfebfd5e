"""The verbs `pause`, `resume`, `off` and `on`: they take effect immediately and change no rule file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from gateway.control.protocol import MAX_MINUTES, Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.time.helper_limits import Helpers
from gateway.household.context import Effects, HomeContext
from gateway.household.members import Family
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.profile import ALL, Profile
from gateway.policy.time.clock_changes import Kind, later
from gateway.policy.time.schedule import calendar_for, next_wake
from gateway.policy.time.standing import FOREVER
from gateway.store.tables.pauses import State

OFF_MINUTES = 60  # how long `off` lasts where the request does not say


class SwitchVerbs:
    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        settings: State,
        family: Family,
        access: Access,
        helpers: Helpers,
    ) -> None:
        self._home = home
        self._effects = effects
        self._settings = settings
        self._family = family
        self._access = access
        self._helpers = helpers

    def register(self, router: Router) -> None:
        router.add("pause", self.pause)
        router.add("resume", self.resume)
        router.add("off", self.off)
        router.add("on", self.on)

    def pause(self, request: Request) -> Mapping[str, object]:
        by = self._access.guardian(request)
        who, profiles = self._access.named(request)
        now = self._home.local_now()
        until, span = request.moment_or_none("until"), Kind.OF_DAY
        if request.has("minutes"):
            span = Kind.LASTING
            until = later(now, timedelta(minutes=request.whole("minutes", least=1, most=MAX_MINUTES)))
        instant = now.astimezone(UTC)
        if until is not None and until <= instant:
            request.refuse("until", "has passed", Code.HAS_PASSED)
        if until is not None and until - instant > timedelta(minutes=MAX_MINUTES):
            request.refuse("until", "is more than seven days ahead")
        keys = [profile.id for profile in profiles] if who == ALL else [who]
        self._helpers.check_pauses(request, keys)
        to_wake = until is None and request.values.get("till_wake") is True
        sure, origin = self._home.clock_trusted, request.text("origin", "")
        ends = []
        for profile, key in zip(profiles, keys, strict=True):
            end = self._wake(profile, now) if to_wake else until
            self._settings.pause(key, until=end, by=by, at=now, span=span, sure=sure, origin=origin)
            ends.append(end or FOREVER)
        self._apply(who)
        last = max(ends)
        shown = None if last == FOREVER else last
        self._home.publish("status", what="pause", who=who, until=shown, by=by)
        return {"until": shown}

    def _wake(self, profile: Profile, now: datetime) -> datetime:
        calendar = calendar_for(profile, self._home.rules.calendar)
        return next_wake(profile.rules.bedtime, calendar, now, profile.rules.dates).astimezone(now.tzinfo)

    def _apply(self, who: str) -> None:
        """Apply a changed pause. A device without an owner has a slot of its own while it is paused alone."""
        if parse_mac(who) is not None and who not in self._home.rules.household.named:
            self._effects.regroup()
        else:
            self._effects.sync_gates()

    def resume(self, request: Request) -> Mapping[str, object]:
        by, now = self._access.guardian(request), self._home.local_now()
        who, _ = self._access.named(request)
        self._helpers.check_pauses(request, None if who == ALL else [who])
        paused = {pause.who for pause in self._settings.in_force(now).pauses}
        member = self._family.member_of(who)
        if member is not None and member.profile.id in paused and who not in paused:
            name = member.profile.name
            problem = f"names a device of {name}, who is paused; resume them all"
            request.refuse("who", problem, Code.CHILD_PAUSED, name=name)
        self._settings.resume(who, by=by, at=now, origin=request.text("origin", ""))
        self._apply(who)
        self._home.publish("status", what="resume", who=who, by=by)
        return {}

    def off(self, request: Request) -> Mapping[str, object]:
        by, now = self._access.guardian(request), self._home.local_now()
        minutes = request.whole("minutes", least=1, most=MAX_MINUTES, default=OFF_MINUTES)
        until = later(now, timedelta(minutes=minutes))
        sure, origin = self._home.clock_trusted, request.text("origin", "")
        self._settings.off(until=until, by=by, at=now, sure=sure, origin=origin)
        self._switched("off", by, until)
        return {"until": until}

    def on(self, request: Request) -> Mapping[str, object]:
        by = self._access.guardian(request)
        self._settings.on(by=by, at=self._home.local_now(), origin=request.text("origin", ""))
        self._switched("on", by, None)
        return {}

    def _switched(self, what: str, by: str, until: datetime | None) -> None:
        self._effects.sync_gates()
        self._effects.rejudge()
        self._home.publish("status", what=what, until=until, by=by)
