"""The verbs `pause`, `resume`, `off` and `on`: what holds beside the profiles, at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import MAX_MINUTES, Request, Verb
from gateway.daemon.verbs.helpers import Helpers
from gateway.daemon.verbs.whom import Whom
from gateway.policy.jumps import Kind
from gateway.policy.macs import parse_mac
from gateway.policy.profile import ALL, Profile
from gateway.policy.schedule import calendar_for, next_wake
from gateway.policy.situation import FOREVER
from gateway.policy.wallclock import later

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

OFF_MINUTES = 60  # `off` returns by itself


class SwitchVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom
        self._helpers = Helpers(daemon)

    def table(self) -> Mapping[str, Verb]:
        return {"pause": self.pause, "resume": self.resume, "off": self.off, "on": self.on}

    def pause(self, request: Request) -> Mapping[str, object]:
        by = self._whom.guardian(request)
        who, profiles = self._whom.named(request)
        now = self._daemon.local_now()
        until, span = request.moment_or_none("until"), Kind.OF_DAY
        if request.has("minutes"):
            span = Kind.LASTING
            until = later(now, timedelta(minutes=request.whole("minutes", least=1, most=MAX_MINUTES)))
        instant = now.astimezone(UTC)
        if until is not None and until <= instant:
            request.refuse("until", "has passed", Code.HAS_PASSED)
        if until is not None and until - instant > timedelta(minutes=MAX_MINUTES):
            request.refuse("until", "is more than seven days ahead")
        keys = [one.id for one in profiles] if who == ALL else [who]
        self._helpers.check_pauses(request, keys)
        to_wake = until is None and request.values.get("till_wake") is True
        sure, origin = self._daemon.watch.known, request.text("origin", "")
        ends = []
        for one, key in zip(profiles, keys, strict=True):
            end = self._wake(one, now) if to_wake else until
            self._daemon.store.pause(key, until=end, by=by, at=now, span=span, sure=sure, origin=origin)
            ends.append(end or FOREVER)
        self._pauses_changed(who)
        last = max(ends)
        told = None if last == FOREVER else last
        self._daemon.control.publish("status", what="pause", who=who, until=told, by=by)
        return {"until": told}

    def _wake(self, profile: Profile, now: datetime) -> datetime:
        calendar = calendar_for(profile, self._daemon.rules.calendar)
        return next_wake(profile.rules.bedtime, calendar, now, profile.rules.dates).astimezone(now.tzinfo)

    def _pauses_changed(self, who: str) -> None:
        """A device that nobody named has a slot of its own while it is paused alone."""
        if parse_mac(who) is not None and who not in self._daemon.rules.household.named:
            self._daemon.reassign()
        else:
            self._daemon.enforcer.sync()

    def resume(self, request: Request) -> Mapping[str, object]:
        by = self._whom.guardian(request)
        who, _ = self._whom.named(request)
        self._helpers.check_pauses(request, None if who == ALL else [who])
        pauses = {one.who for one in self._daemon.store.state(self._daemon.local_now()).pauses}
        member = self._daemon.family.member_of(who)
        if member is not None and member.profile.id in pauses and who not in pauses:
            name = member.profile.name
            problem = f"names a device of {name}, who is paused; resume them all"
            request.refuse("who", problem, Code.CHILD_PAUSED, name=name)
        self._daemon.store.resume(who, by=by, at=self._daemon.local_now(), origin=request.text("origin", ""))
        self._pauses_changed(who)
        self._daemon.control.publish("status", what="resume", who=who, by=by)
        return {}

    def off(self, request: Request) -> Mapping[str, object]:
        by, now = self._whom.guardian(request), self._daemon.local_now()
        minutes = request.whole("minutes", least=1, most=MAX_MINUTES, default=OFF_MINUTES)
        until = later(now, timedelta(minutes=minutes))
        sure, origin = self._daemon.watch.known, request.text("origin", "")
        self._daemon.store.off(until=until, by=by, at=now, sure=sure, origin=origin)
        self._switched("off", by, until)
        return {"until": until}

    def on(self, request: Request) -> Mapping[str, object]:
        by = self._whom.guardian(request)
        self._daemon.store.on(by=by, at=self._daemon.local_now(), origin=request.text("origin", ""))
        self._switched("on", by, None)
        return {}

    def _switched(self, what: str, by: str, until: datetime | None) -> None:
        self._daemon.enforcer.sync()
        self._daemon.enforcer.rejudge()
        self._daemon.control.publish("status", what=what, until=until, by=by)
