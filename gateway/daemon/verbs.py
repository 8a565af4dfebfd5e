"""What may be asked of the daemon over the control socket; README.md of gateway/control has the words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.control.guardians import Guardians
from gateway.control.protocol import MAX_MINUTES, Request, Verb
from gateway.daemon.describe import describe_profile, describe_state
from gateway.daemon.family import CONSOLE, Member
from gateway.daemon.figures import figures
from gateway.daemon.places import Places
from gateway.daemon.refusals import Refusals
from gateway.errors import ControlError
from gateway.policy.macs import parse_mac
from gateway.policy.profile import GUEST, HOME, Profile
from gateway.policy.schedule import calendar_for, next_wake
from gateway.policy.sentence import sentence
from gateway.policy.situation import FOREVER
from gateway.policy.why import as_json, parse_host, parse_moment, why

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

OFF_MINUTES = 60  # `off` returns by itself
ALL = "all"


class Verbs:
    """One method a verb: the values of the answer, or a GatewayError whose text is the answer."""

    def __init__(self, daemon: Daemon, guardians: Guardians) -> None:
        self._daemon = daemon
        self._guardians = guardians
        self._places = Places(daemon, self._place)
        self._started = daemon.loop.now()

    def table(self) -> Mapping[str, Verb]:
        return {
            "status": self.status,
            "why": self.why,
            "pause": self.pause,
            "resume": self.resume,
            "profile": self.profile,
            "device": self.device,
            "devices": self.devices,
            "refusals": Refusals(self._daemon),
            "helplines": self.helplines,
            "guardian": self._guardians,
            "off": self.off,
            "on": self.on,
            "assign": self._places.assign,
            "forget": self._places.forget,
            "reload": self.reload,
            "clock": self.clock,
        }

    def _now(self) -> datetime:
        return self._daemon.clock.now().astimezone(self._daemon.rules.household.config.zone)

    def status(self, _request: Request) -> Mapping[str, object]:
        daemon, now = self._daemon, self._now()
        daemon.presence.refresh()
        off = daemon.store.state(now).off
        since = daemon.internet.since
        answer: dict[str, object] = {
            "version": __version__,
            "uptime": round(daemon.loop.now() - self._started),
            "now": now,
            "mode": "off" if off else "on",
            "off_until": off.until if off else None,
            "internet": daemon.internet.state,
            "internet_since": None if since is None else since.astimezone(now.tzinfo),
            "country": daemon.rules.household.config.country,
            "new_devices": sum(self._place(mac) == GUEST for mac in daemon.presence.now),
            "problems": daemon.problems(),
            "profiles": [self._child(one, now) for one in daemon.rules.household.children],
        }
        return answer | figures(daemon)

    def _child(self, profile: Profile, now: datetime) -> dict[str, object]:
        daemon = self._daemon
        members = [one for one in daemon.family.members.values() if one.profile.id == profile.id]
        macs = [mac for one in members for mac in one.macs]
        return {
            "id": profile.id,
            "name": profile.name,
            "band": profile.band.value,
            "log_level": profile.rules.log_level,
            "devices": [self._device(mac) for mac in macs],
            **self._state(self._stand_in(profile), now),
        }

    def _stand_in(self, profile: Profile) -> Member:
        """How things stand for a profile, whatever holds for one of its devices alone."""
        rules = self._daemon.rules
        return self._daemon.family.stand_in(profile, rules.world, rules.calendar, self._now())

    def _state(self, member: Member, now: datetime) -> dict[str, object]:
        return describe_state(member.judge, member.situation, now, self._daemon.rules)

    def _device(self, mac: str) -> dict[str, object]:
        seen = self._daemon.presence.now.get(mac)
        return {
            "mac": mac,
            "name": self._daemon.presence.name_of(mac),
            "online": seen is not None and seen.online,
            "ip": seen.ips[0] if seen is not None and seen.ips else None,
        }

    def _who(self, request: Request) -> tuple[str, list[Profile]]:
        """What a pause is kept under, and the children that it means."""
        who = request.text("who")
        household = self._daemon.rules.household
        if who.casefold() == ALL:
            if not household.children:
                request.refuse("who", "means every child, and there is none yet")
            return ALL, list(household.children)
        mac = parse_mac(who)
        if mac is not None:
            member = self._daemon.family.member_of(mac)
            if member is None:
                request.refuse("who", f"names {mac}, a device that is not filtered")
            return mac, [member.profile]
        profile = self._daemon.rules.profile(who)
        if profile.built_in or not profile.is_child:
            request.refuse("who", f"names {profile.name}, who is no child")
        return profile.id, [profile]

    def pause(self, request: Request) -> Mapping[str, object]:
        who, profiles = self._who(request)
        now = self._now()
        until = request.moment_or_none("until")
        if request.has("minutes"):
            until = now + timedelta(minutes=request.whole("minutes", least=1, most=MAX_MINUTES))
        if until is not None and until <= now:
            request.refuse("until", "has passed")
        to_wake = until is None and request.values.get("till_wake") is True
        by, origin = request.text("by", CONSOLE), request.text("origin", "")
        ends = []
        for one in profiles:
            end = self._wake(one, now) if to_wake else until
            key = one.id if who == ALL else who
            self._daemon.store.pause(key, until=end, by=by, at=now, origin=origin)
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
        who, _ = self._who(request)
        pauses = {one.who for one in self._daemon.store.state(self._now()).pauses}
        member = self._daemon.family.member_of(who)
        if member is not None and member.profile.id in pauses and who not in pauses:
            request.refuse("who", f"names a device of {member.profile.name}, who is paused; resume them all")
        by, origin = request.text("by", CONSOLE), request.text("origin", "")
        self._daemon.store.resume(who, by=by, at=self._now(), origin=origin)
        self._pauses_changed(who)
        self._daemon.control.publish("status", what="resume", who=who, by=by)
        return {}

    def off(self, request: Request) -> Mapping[str, object]:
        now = self._now()
        minutes = request.whole("minutes", least=1, most=MAX_MINUTES, default=OFF_MINUTES)
        until = now + timedelta(minutes=minutes)
        by, origin = request.text("by", CONSOLE), request.text("origin", "")
        self._daemon.store.off(until=until, by=by, at=now, origin=origin)
        self._daemon.enforcer.sync()
        self._daemon.enforcer.rejudge()
        self._daemon.control.publish("status", what="off", until=until, by=by)
        return {"until": until}

    def on(self, request: Request) -> Mapping[str, object]:
        by, origin = request.text("by", CONSOLE), request.text("origin", "")
        self._daemon.store.on(by=by, at=self._now(), origin=origin)
        self._daemon.enforcer.sync()
        self._daemon.enforcer.rejudge()
        self._daemon.control.publish("status", what="on", by=by)
        return {}

    def why(self, request: Request) -> Mapping[str, object]:
        rules = self._daemon.rules
        host = parse_host(request.text("host"))
        at = self._now()
        if request.has("at"):
            at = parse_moment(request.text("at"), rules.household.config.zone)
        member = self._member(request)
        answer = why(member.judge, host, at, member.situation)
        told = sentence(answer.decision, host, at, rules.names, left=answer.left)
        return as_json(host, at, answer) | {"sentence": told}

    def _member(self, request: Request) -> Member:
        """The member that `profile` or `device` names; for a profile, what holds for all of its devices."""
        family = self._daemon.family
        if request.has("device"):
            mac = parse_mac(request.text("device"))
            if mac is None:
                request.refuse("device", "is no MAC address such as 02:00:00:00:00:0a")
            household = self._daemon.rules.household
            unfiltered = household.owner_of(mac) or household.home
            return family.member_of(mac) or self._stand_in(unfiltered)
        return self._stand_in(self._daemon.rules.profile(request.text("profile")))

    def profile(self, request: Request) -> Mapping[str, object]:
        return describe_profile(self._daemon.rules.profile(request.text("id")), self._daemon.rules)

    def device(self, request: Request) -> Mapping[str, object]:
        presence = self._daemon.presence
        if request.has("mac"):
            mac = parse_mac(request.text("mac"))
        else:
            mac = presence.mac_of(request.text("ip"))
        if mac is None:
            return {"mac": None, "profile": None, "name": None}
        member = self._daemon.family.member_of(mac)
        state = {} if member is None else self._state(member, self._now())
        return {"mac": mac, "profile": self._place(mac), "name": presence.name_of(mac)} | state

    def _place(self, mac: str) -> str:
        family = self._daemon.family
        member = family.member_of(mac)
        if member is not None:
            return "quarantine" if member.quarantined else member.profile.id
        owner = self._daemon.rules.household.owner_of(mac)
        return "adult" if owner is not None else HOME

    def devices(self, _request: Request) -> Mapping[str, object]:
        daemon = self._daemon
        daemon.presence.refresh()
        known = {mac for one in daemon.family.members.values() for mac in one.macs} | set(daemon.family.plain)
        macs = sorted(known | set(daemon.presence.now) | set(daemon.store.devices.all()))
        return {"devices": [self._device(mac) | {"profile": self._places.of(mac)} for mac in macs]}

    def helplines(self, request: Request) -> Mapping[str, object]:
        rules = self._daemon.rules
        country = request.text_or_none("country") or rules.household.config.country
        return {"lines": rules.help_lines(country)}

    def reload(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        problems = self._daemon.reload()
        return {"profiles": sorted(self._daemon.rules.household.profiles), "problems": problems}

    def clock(self, request: Request) -> Mapping[str, object]:
        """Move the family's time, in the virtual home alone."""
        request.owner_only()
        if os.environ.get("QALQAN_TEST_CLOCK") != "1":
            msg = "clock: the time is not movable here"
            raise ControlError(msg)
        self._daemon.clock.offset = timedelta(seconds=request.whole("offset", least=-(10**8), most=10**8))
        self._daemon.enforcer.sync()
        return {"now": self._now()}
