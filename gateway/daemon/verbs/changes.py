"""The verb `changes`: what guardians set today, in files and beside them, and how it is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING

from gateway.control.protocol import Request, Verb
from gateway.daemon.devices.givers import BY_GUARDIANS
from gateway.daemon.eyes import Eyes
from gateway.daemon.files.editstory import EditStory, Told, described
from gateway.daemon.verbs.whom import Whom
from gateway.policy.edited import Edited
from gateway.policy.gifts import thing_name
from gateway.policy.loglevels import NAMES_LEVEL
from gateway.policy.profile import ALL
from gateway.store.given import Given, Kind

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

SHOWN = 50  # newest first
OWN_SHOWN = 6  # of a child's own: each is a file parsed, and a page read in a minute
SERVICE = "service:"
DEVICE_KEYS = ("devices", "shared", "managed")


class ChangeVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom

    def table(self) -> Mapping[str, Verb]:
        return {"changes": self.changes, "own_changes": self.own_changes}

    def own_changes(self, request: Request) -> Mapping[str, object]:
        """A child's device reads who changed its child's rules and why, at every log level and age, as long
        as the steps of its file are remembered; so do guardians by its ``id``. It takes nothing back.
        """
        if request.has("id"):
            child = self._daemon.rules.profile(request.text("id"))
        else:
            child = self._whom.child(request).profile
        now = self._daemon.local_now()
        found = islice(EditStory(self._daemon).of_person(child.id), OWN_SHOWN)
        return {"changes": [self._step(one, now) for one in found]}

    def changes(self, _request: Request) -> Mapping[str, object]:
        now = self._daemon.local_now()
        today = self._daemon.rules.calendar.family_day(now)
        found = [
            *self._switches(now, today),
            *self._given(now, today),
            *self._opened(now, today),
            *self._edited(now, today),
        ]
        found.sort(key=lambda one: one[0], reverse=True)
        return {"changes": [values for _, values in found[:SHOWN]]}

    def _switches(self, now: datetime, today: date) -> Iterator[tuple[datetime, dict[str, object]]]:
        """Pauses and `off` that hold, whenever they were set: each can be ended."""
        state = self._daemon.store.state(now, today)
        for pause in state.pauses:
            undo = {"do": "resume", "who": pause.who}
            yield (
                pause.since,
                self._told("pause", pause.who, pause.by, pause.since, now, until=pause.until, undo=undo),
            )
        if state.off is not None:
            off = state.off
            yield (
                off.since,
                self._told("off", ALL, off.by, off.since, now, until=off.until, undo={"do": "on"}),
            )

    def _given(self, now: datetime, today: date) -> Iterator[tuple[datetime, dict[str, object]]]:
        """Extra time by a guardian's tap, of today; taken back or not."""
        by_number: dict[int, list[Given]] = {}
        eyes = Eyes(self._daemon)
        for one in self._daemon.store.gifts.given():
            if one.day == today and one.kind in BY_GUARDIANS:
                by_number.setdefault(one.grant, []).append(one)
        for number, rows in by_number.items():
            first = rows[0]
            who = first.who if len({one.who for one in rows}) == 1 else ALL
            holds = any(one.holds(now, today) for one in rows)
            asked = first.kind is Kind.REQUEST and eyes.level(first.who) < NAMES_LEVEL
            if asked and not holds:
                continue  # what it was given for is not told any more
            ends = [one.until for one in rows if one.until is not None]
            yield first.at, self._told(
                "grant", who, first.by, first.at, now,
                minutes=first.minutes, thing=f"{SERVICE}{first.service}" if first.service else None,
                until=max(ends, default=None), ended=not holds,
                undo={"do": "revoke", "grant": number} if holds else None,
            )  # fmt: skip

    def _opened(self, now: datetime, today: date) -> Iterator[tuple[datetime, dict[str, object]]]:
        """Sites that are open for a while."""
        for one in self._daemon.store.gifts.in_force(now, today)[1]:
            undo = {"do": "revoke", "grant": one.grant}
            yield (
                one.at,
                self._told("open", one.who, one.by, one.at, now, thing=one.entry, until=one.until, undo=undo),
            )

    def _edited(self, now: datetime, today: date) -> Iterator[tuple[datetime, dict[str, object]]]:
        """What stands in the family's files since today. Only the last step of a file is taken back alone."""
        for one in EditStory(self._daemon).of(today):
            yield one.step.at, self._step(one, now)

    def _step(self, one: Told, now: datetime) -> dict[str, object]:
        told = self._told(one.what, one.who, one.step.by, one.step.at, now, undo=one.undo)
        return told | {
            "name": one.name or None,
            "because": one.because,
            "edits": described(one.entries),
            "left_off": one.left_off,
            "devices": self._device_names(one.entries),
        }

    def _device_names(self, entries: tuple[Edited, ...]) -> list[dict[str, str]]:
        macs = (one.key.partition("/")[2] for one in entries if one.key.partition("/")[0] in DEVICE_KEYS)
        return [
            {"mac": mac, "name": self._daemon.presence.here.name_of(mac)}
            for mac in dict.fromkeys(macs)
            if mac
        ]

    def _told(
        self, what: str, who: str, by: str, at: datetime, now: datetime, *,
        until: datetime | None = None, minutes: int | None = None, thing: str | None = None,
        ended: bool = False, undo: Mapping[str, object] | None = None,
    ) -> dict[str, object]:  # fmt: skip
        rules = self._daemon.rules
        profile = None if who == ALL else rules.household.find(who)
        name = who if profile is None else profile.name
        return {
            "at": at.astimezone(now.tzinfo),
            "by": by,
            "what": what,
            "who": who,
            "name": None if who == ALL else name,
            "minutes": minutes,
            "thing": thing,
            "thing_name": None if thing is None else thing_name(thing, rules.names),
            "until": None if until is None else until.astimezone(now.tzinfo),
            "ended": ended,
            "undo": undo,
            "because": "",
            "edits": [],
            "left_off": 0,
            "devices": [],
        }
