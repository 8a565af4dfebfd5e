"""Gives extra time and opens sites, and wakes up when something of that, or a request, comes to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.daemon.devices.givers import BY_GUARDIANS
from gateway.daemon.eyes import Eyes
from gateway.daemon.files.steps import PROGRAM
from gateway.daemon.verbs.askedvalues import AskedValues
from gateway.errors import PolicyError
from gateway.policy import requests
from gateway.policy.extension import Extension, extend, own_closing
from gateway.policy.gates import gates_of_service, is_limit
from gateway.policy.gifts import given_sentence, opened_sentence
from gateway.policy.jumps import Jump
from gateway.policy.jumps import Kind as Span
from gateway.policy.loglevels import KINDS_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.requests import ChildRequest, State
from gateway.store.given import Given, Kind, Opening, in_utc

if TYPE_CHECKING:
    from gateway.daemon.devices.family import Member
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer

LONGEST_SLEEP = 60.0  # seconds; a clock that is set meanwhile is noticed within them


@dataclass(frozen=True, slots=True)
class Giver:
    """Who gives something, and by what."""

    by: str
    kind: Kind
    at: datetime  # local, aware
    number: int
    origin: str = ""


class Answers:
    """What is given is on the disk before anything else happens."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._timer: Timer | None = None
        self._open: frozenset[Opening] = frozenset()

    def giver(self, by: str, kind: Kind, origin: str = "") -> Giver:
        at = self._daemon.local_now()
        return Giver(by, kind, at, self._daemon.store.gifts.new_number(at), origin)

    def extensions(
        self, member: Member, minutes: int, service: str | None, at: datetime
    ) -> tuple[Extension, ...]:
        """What so many minutes would do; () where nothing of this person's closes."""
        rules, extra = self._daemon.rules, timedelta(minutes=minutes)
        known = None if service is None else rules.world.catalogue.services.get(service)
        if service is not None and known is None:
            raise PolicyError(service, "is no service of the catalogue any more", "give time for all instead")
        gates = () if known is None else gates_of_service(member.profile.rules, known)
        return extend(member.profile, member.situation, rules.calendar, at, extra, service, gates)

    def give(self, key: str, member: Member, minutes: int, service: str | None, giver: Giver) -> Extended:
        """Extra time for one person. Raises PolicyError where there is nothing to extend."""
        found = self.extensions(member, minutes, service, giver.at)
        name = member.profile.name
        if not found:
            error = PolicyError(name, "has no time that comes to an end", "there is nothing to extend")
            raise error.coded(Code.NOTHING_TO_EXTEND, name=name)
        return self._extended(key, member, minutes, found, giver)

    def _extended(
        self, key: str, member: Member, minutes: int, found: tuple[Extension, ...], giver: Giver
    ) -> Extended:
        name = member.profile.name
        today = self._daemon.rules.calendar.family_day(giver.at)
        at = in_utc(giver.at)
        rows = [
            Given(
                giver.number,
                key,
                today,
                one.gate,
                one.minutes,
                None if one.until is None else in_utc(one.until),
                one.service,
                at,
                giver.by,
                giver.kind,
                boundary=None if one.boundary is None else in_utc(one.boundary),
                sure=one.sure,
            )
            for one in found
        ]
        told = _audited(key, minutes, found, giver.at)
        if giver.kind not in BY_GUARDIANS and Eyes(self._daemon).level(key) < KINDS_LEVEL:
            told = ""  # what a child without a log takes is written down for itself alone
        self._daemon.store.gifts.give(rows, told=told, origin=giver.origin)
        paused = is_paused(member, giver.at)
        text = given_sentence(name, found, giver.at, self._daemon.rules.names, paused=paused)
        ends = [one.until for one in found if one.until is not None]
        return Extended(key, name, minutes, max(ends, default=None), found, text)

    def give_back(
        self, key: str, member: Member, minutes: int, gates: Sequence[str], giver: Giver
    ) -> Extended:
        """Minutes beyond today's limits of these names, as far as the person has them still."""
        profile = member.profile
        found = tuple(Extension(one, minutes, None) for one in gates if one in profile.rules.limits)
        if not found:
            error = PolicyError(
                profile.name, "has no such limit any more", "there is nothing to give back to"
            )
            raise error.coded(Code.NOTHING_TO_EXTEND, name=profile.name)
        return self._extended(key, member, minutes, found, giver)

    def open(self, key: str, name: str, entry: str, until: datetime, span: Span, giver: Giver) -> str:
        """A site or a service for a while; the sentence of it."""
        sure = self._daemon.watch.known
        opening = Opening(giver.number, key, entry, in_utc(until), in_utc(giver.at), giver.by, span, sure)
        self._daemon.store.gifts.open(opening, origin=giver.origin)
        return opened_sentence(name, entry, until, giver.at, self._daemon.rules.names)

    def shift(self, jump: Jump) -> bool:
        """The clock jumped, or became known: as much is left of all that was set as was. Whether a device's
        place begins or ends.
        """
        store, rules = self._daemon.store, self._daemon.rules
        jump = jump.seen_in(rules.household.config.zone)
        with store.together():
            regrouped = store.shift(jump)
            store.requests.shift(lambda one: requests.after_jump(one, jump, rules.calendar))
            if jump.known:
                store.gifts.put(self._anchored(jump.after))
        return regrouped

    def _anchored(self, now: datetime) -> Iterator[tuple[Given, Given]]:
        """Minutes beyond a boundary, and those behind the boundary that comes next by the clock as it is now.

        Else a clock that was put back would open all that the rules shut until the boundary is there.
        """
        given, _ = self._daemon.store.gifts.in_force(now, self._daemon.rules.calendar.family_day(now))
        groups: dict[tuple[str, datetime], list[Given]] = {}
        for one in given:
            if one.boundary is not None:
                groups.setdefault((one.who, one.boundary), []).append(one)
        for (who, _), rows in groups.items():
            closing = self._next_boundary(who, {one.gate for one in rows}, now)
            if closing is not None:
                yield from ((one, _behind(one, closing, now)) for one in rows)

    def _next_boundary(self, who: str, gates: Iterable[str], now: datetime) -> datetime | None:
        """When the first of ``gates`` is closed by its own rule of the clock; ``now`` where it is."""
        daemon = self._daemon
        profile = daemon.rules.household.find(who)
        world, calendar = daemon.rules.world, daemon.rules.calendar
        if profile is None:
            member = daemon.family.member_of(who)
        else:
            member = daemon.family.stand_in(profile, world, calendar, now)
        if member is None:
            return None
        ends = [
            own_closing(member.profile, member.situation, calendar, now, gate)
            for gate in gates
            if not is_limit(gate)
        ]
        return min((end for end in ends if end is not None), default=None)

    def apply(self, keys: Iterable[str]) -> None:
        """Bring running flows in step with what was just given or taken back."""
        daemon = self._daemon
        named = daemon.rules.household.named
        if any(parse_mac(one) is not None and one not in named for one in keys):
            daemon.reassign()  # a device that nobody named has a slot of its own now
        else:
            daemon.enforcer.sync()
            daemon.enforcer.rejudge()
        self._open = self._openings()
        self.wait()
        daemon.warnings.look()

    def start(self) -> None:
        """Take up what was left by an earlier start."""
        self._open = self._openings()
        self.look()

    def look(self) -> None:
        """What has come to its end since the last look."""
        now = self._daemon.local_now()
        for one in self._going_on():
            moved = requests.moved_on(one, now)
            if moved is not one:
                self._move(moved, now)
        still = self._openings()
        if self._open - still:
            self._daemon.enforcer.sync()
            self._daemon.enforcer.rejudge()
        self._open = still
        self.wait()

    def _going_on(self) -> Iterable[ChildRequest]:
        """Requests that go by the clock as it is: one that nobody vouches for ends none of a right one's."""
        known = self._daemon.watch.known
        return [one for one in self._daemon.store.requests.all() if known or not one.sure]

    def _move(self, moved: ChildRequest, now: datetime) -> None:
        store, publish = self._daemon.store, self._daemon.control.publish
        expired = moved.state is State.EXPIRED
        values = AskedValues(self._daemon)
        what = values.audited(moved, "request expired" if expired else "request reminder")
        store.requests.put(moved, by=PROGRAM, what=what, at=now)
        if expired:
            publish("answer", **values.answered(moved))
        else:
            publish("request", id=moved.id, profile=moved.who, topic=moved.topic, reminder=True)

    def _openings(self) -> frozenset[Opening]:
        return frozenset(self._daemon.store.state(self._daemon.local_now()).openings)

    def wait(self) -> None:
        """Until the next of these ends."""
        if self._timer is not None:
            self._timer.cancel()
        now = self._daemon.local_now()
        due = [at for one in self._going_on() if (at := requests.due(one)) is not None]
        due += [one.until for one in self._open]
        if not due:
            self._timer = None
            return
        delay = min(max(0.0, (min(due) - now).total_seconds()), LONGEST_SLEEP)
        self._timer = self._daemon.loop.call_later(delay, self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


@dataclass(frozen=True, slots=True)
class Extended:
    """What one grant did for one person."""

    who: str
    name: str
    minutes: int
    until: datetime | None  # None: minutes beyond a limit
    extensions: tuple[Extension, ...]
    sentence: str

    def as_values(self, now: datetime) -> dict[str, object]:
        return {
            "who": self.who,
            "minutes": self.minutes,
            "until": None if self.until is None else self.until.astimezone(now.tzinfo),
            "gates": [one.gate for one in self.extensions],
            "sentence": self.sentence,
        }


def _behind(one: Given, closing: datetime, now: datetime) -> Given:
    """With the minutes that are left of it behind ``closing``; from now on where that has come."""
    ends = one.moment
    assert ends is not None
    assert one.boundary is not None
    boundary = closing if closing > now else min(one.boundary, now)
    return replace(one, boundary=boundary, until=max(boundary, now) + ends.left(now))


def is_paused(member: Member, now: datetime) -> bool:
    until = member.situation.paused_until
    return until is not None and now < until


def with_grant(one: ChildRequest, giver: Giver) -> ChildRequest:
    return replace(one, grant=giver.number)


def _audited(key: str, minutes: int, extensions: Iterable[Extension], now: datetime) -> str:
    parts = []
    for one in extensions:
        end = "" if one.until is None else f" until {one.until.astimezone(now.tzinfo):%Y-%m-%dT%H:%M%z}"
        parts.append(f"{one.gate}{end}" + (f" for {one.service}" if one.service else ""))
    return f"{key} {minutes} min: {', '.join(parts)}"
