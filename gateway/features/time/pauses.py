"""The verbs `pause`, `resume`, `off`, `on` and `switch_access`, which change no rule file.

`pause` blocks the internet of a child or device; `off` switches all filtering off for some minutes.
`switch_access` lets the internet provider use `off` and `on`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from gateway.control.contract.time import (
    MAX_SWITCH,
    OFF,
    ON,
    PAUSE,
    RESUME,
    SWITCH_ACCESS,
    OffRequest,
    PauseRequest,
    SwitchAccessRequest,
    SwitchEnd,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import Effects, HomeContext
from gateway.household.members import PROVIDER, Family
from gateway.policy.config.provider_stop import LONGEST_STOP
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import ALL
from gateway.policy.time.clock_changes import MomentKind, later
from gateway.policy.time.schedule import calendar_for, next_wake
from gateway.policy.time.time_rules import FOREVER
from gateway.store.tables.pauses import REMOTE, PauseTable


class SwitchVerbs:
    """Control-socket verbs that pause and resume the internet, and switch filtering off and on."""

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        pauses: PauseTable,
        family: Family,
        access: Access,
    ) -> None:
        self._home = home
        self._effects = effects
        self._pauses = pauses
        self._family = family
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(PAUSE, self.pause)
        router.serve(RESUME, self.resume)
        router.serve(OFF, self.off)
        router.serve(ON, self.on)
        router.serve(SWITCH_ACCESS, self.change_access)

    def pause(self, call: Call[PauseRequest]) -> SwitchEnd:
        by = self._access.guardian(call)
        who, profiles = self._access.named(call)
        now = self._home.local_now()
        until, span = call.args.until, MomentKind.OF_DAY
        if call.args.minutes is not None:
            span = MomentKind.LASTING
            until = later(now, timedelta(minutes=call.args.minutes))
        instant = now.astimezone(UTC)
        if until is not None and until <= instant:
            raise ControlError.of(Code.HAS_PASSED)
        if until is not None and until - instant > timedelta(minutes=MAX_SWITCH):
            call.refuse("until", "is more than seven days ahead")
        keys = [profile.id for profile in profiles] if who == ALL else [who]
        self._check_helper(call, keys)
        to_wake = until is None and call.args.till_wake
        clock_trusted, origin = self._home.clock_trusted, call.text("origin", "")
        ends = []
        for profile, key in zip(profiles, keys, strict=True):
            end = self._wake(profile, now) if to_wake else until
            self._pauses.pause(
                key, until=end, by=by, at=now, span=span, clock_trusted=clock_trusted, origin=origin
            )
            ends.append(end or FOREVER)
        self._apply(who)
        last = max(ends)
        shown = None if last == FOREVER else last
        self._home.publish("status", what="pause", who=who, until=shown, by=by)
        return SwitchEnd(until=shown)

    def _check_helper(self, request: ControlRequest, keys: Collection[str] | None) -> None:
        """Raise ControlError if a helper would replace or end a pause that another account set.

        ``keys``: the profile ids or MAC addresses with a changed pause; None for any pause.
        """
        helper = self._access.helper(request)
        if helper is None:
            return
        for pause in self._pauses.in_force(self._home.local_now()).pauses:
            if pause.by != helper.name and (keys is None or pause.who in keys):
                raise ControlError.of(Code.NOT_YOUR_PAUSE, by=pause.by)

    def _wake(self, profile: Profile, now: datetime) -> datetime:
        calendar = calendar_for(profile, self._home.rules.calendar)
        return next_wake(profile.rules.bedtime, calendar, now, profile.rules.dates).astimezone(now.tzinfo)

    def _apply(self, who: str) -> None:
        """Apply a begun, changed or ended pause of ``who`` (``all``, a profile id or a MAC address).

        For a device without an owner, the slots (groups of devices with the same rules) are assigned
        again: while it is paused, it needs a slot of its own.
        """
        if parse_mac(who) is not None and who not in self._home.rules.household.named:
            self._effects.regroup()
        else:
            self._effects.sync_gates()

    def resume(self, call: Call[NoValues]) -> NoValues:
        by, now = self._access.guardian(call), self._home.local_now()
        who, _ = self._access.named(call)
        self._check_helper(call, None if who == ALL else [who])
        paused = {pause.who for pause in self._pauses.in_force(now).pauses}
        member = self._family.member_of(who)
        if member is not None and member.profile.id in paused and who not in paused:
            name = member.profile.name
            raise ControlError.of(Code.CHILD_PAUSED, name=name)
        self._pauses.resume(who, by=by, at=now, origin=call.text("origin", ""))
        self._apply(who)
        self._home.publish("status", what="resume", who=who, by=by)
        return NoValues()

    def off(self, call: Call[OffRequest]) -> SwitchEnd:
        by, now = self._access.guardian(call), self._home.local_now()
        until = later(now, timedelta(minutes=call.args.minutes))
        if by == PROVIDER:  # filtering is on again when the approval ends, at the latest
            until = min(until, later(now, LONGEST_STOP), self._approval(now).astimezone(now.tzinfo))
        clock_trusted, origin = self._home.clock_trusted, call.text("origin", "")
        self._pauses.off(until=until, by=by, at=now, clock_trusted=clock_trusted, origin=origin)
        self._switched("stop" if by == PROVIDER else "off", by, until)
        return SwitchEnd(until=until)

    def on(self, call: Call[NoValues]) -> NoValues:
        by = self._access.guardian(call)
        if by == PROVIDER:
            self._approval(self._home.local_now())
        self._pauses.on(by=by, at=self._home.local_now(), origin=call.text("origin", ""))
        self._switched("on", by, None)
        return NoValues()

    def _approval(self, now: datetime) -> datetime:
        """Return until when the provider may switch filtering. Raises ControlError without an approval."""
        found = self._pauses.switch(REMOTE, now)
        if found is None:
            raise ControlError.of(Code.NOT_APPROVED)
        return found.ends

    def change_access(self, call: Call[SwitchAccessRequest]) -> SwitchEnd:
        """Let the provider switch filtering off and on for some minutes; without ``minutes``, end that.

        At the end, filtering is on again if the provider has switched it off. Return until when the provider
        may switch; None if the access ended. Raises ControlError if no guardian sent the request.
        """
        by, now, origin = self._access.guardian(call), self._home.local_now(), call.text("origin", "")
        if call.args.minutes is None:
            self._pauses.end_approval(REMOTE, by=by, at=now, origin=origin)
            off = self._pauses.in_force(now).off
            if off is not None and off.by == PROVIDER:
                self._pauses.on(by=by, at=now, origin=origin)
                self._switched("on", by, None)
            return SwitchEnd(until=None)
        until, clock_trusted = later(now, timedelta(minutes=call.args.minutes)), self._home.clock_trusted
        self._pauses.approve(REMOTE, until=until, by=by, at=now, clock_trusted=clock_trusted, origin=origin)
        return SwitchEnd(until=until)

    def _switched(self, what: str, by: str, until: datetime | None) -> None:
        self._effects.sync_gates()
        self._effects.rejudge()
        self._home.publish("status", what=what, until=until, by=by)
