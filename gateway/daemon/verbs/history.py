"""The verbs `history` and `erase`: a child's past days for its guardians, and their end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.verbs.histories import describe_kinds, describe_names, describe_uses, used_today
from gateway.daemon.verbs.pins import PinDesk
from gateway.daemon.verbs.whom import Whom
from gateway.policy.loglevels import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.profile import Profile
from gateway.policy.sharing import needs_pin
from gateway.store.history import ALL
from gateway.store.store import COUNTS_DAYS, NAMES_DAYS

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

ONE_DAY = timedelta(days=1)
NAMES, EVERYTHING = "names", "all"


class HistoryVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, pins: PinDesk) -> None:
        self._daemon = daemon
        self._whom = whom
        self._pins = pins

    def table(self) -> Mapping[str, Verb]:
        return {"history": self.history, "erase": self.erase}

    def history(self, request: Request) -> Mapping[str, object]:
        """By day and kind for a month, by name for a week, as far as the log level lets a guardian see."""
        profile, today = self._child(request), self._today()
        oldest = today - timedelta(days=COUNTS_DAYS)
        last = request.day("to", default=today)
        first = request.day("from", default=last)
        if not oldest <= first <= last <= today:
            request.refuse("from", f'and "to" must be days in order, from {oldest} to {today}')
        sample = self._daemon.store.history.sample_until()
        told: dict[str, object] = {
            "id": profile.id,
            "name": profile.name,
            "band": profile.band.value,
            "log_level": profile.rules.log_level,
            "from": first.isoformat(),
            "to": last.isoformat(),
            "today": today.isoformat(),
            "oldest": oldest.isoformat(),
            "names_from": (today - timedelta(days=NAMES_DAYS)).isoformat(),
            "sample_until": None if sample is None else self._family_day(sample).isoformat(),
        }
        if profile.rules.log_level < KINDS_LEVEL:
            return told | {"days": [], "kinds": [], "refused": [], "visited": []}
        self._daemon.store.flush(self._daemon.loop.now(), force=True)
        return told | self._days(profile, first, last) | self._names(profile, first, last)

    def _days(self, profile: Profile, first: date, last: date) -> dict[str, object]:
        rules, history = self._daemon.rules, self._daemon.store.history
        level = profile.rules.log_level
        used = dict(history.of(profile.id, first, last))
        today = self._today()
        if last == today:
            minutes = self._daemon.family.minutes
            entries, kept = minutes.entries(profile.id, today), minutes.uses(profile.id, today)
            used[today] = used_today(entries, kept, rules, level)
        counts = history.counts(profile.id, first, last)
        days = [first + n * ONE_DAY for n in range((last - first).days + 1)]
        return {
            "days": [
                {
                    "day": day.isoformat(),
                    "minutes": used.get(day, {}).get(ALL, 0),
                    "uses": describe_uses(used.get(day, {}), rules, profile),
                    "refused": sum(one.refused for one in counts if one.day == day),
                }
                for day in days
            ],
            "kinds": describe_kinds(counts, rules, level),
        }

    def _names(self, profile: Profile, first: date, last: date) -> dict[str, object]:
        rules, level = self._daemon.rules, profile.rules.log_level
        zone = rules.household.config.zone
        span = rules.calendar.starts(first), rules.calendar.starts(last + ONE_DAY)
        told: dict[str, object] = {"refused": [], "visited": []}
        for key, least, refused in (("refused", NAMES_LEVEL, True), ("visited", VISITS_LEVEL, False)):
            if level >= least:
                found = self._daemon.store.history.names(profile.id, *span, refused=refused)
                told[key], told[f"{key}_left_off"] = describe_names(found, rules, zone, refused=refused)
        return told

    def erase(self, request: Request) -> Mapping[str, object]:
        """Names alone, or all that is kept, but for today's counted minutes. It cannot be undone. With
        ``device`` a child's own names, and nothing else: the counts stay.
        """
        if request.has("device"):
            by, profile, what = *self._own(request), NAMES
        else:
            by, profile = self._whom.guardian(request), self._child(request)
            what = request.choice("what", (NAMES, EVERYTHING)) if request.has("what") else EVERYTHING
        daemon = self._daemon
        daemon.store.erase(profile.id, counts=what == EVERYTHING)
        daemon.lessons.forget(profile.id)  # one that runs, or waits for an answer, has names too
        for slot in daemon.family.slots_of(profile.id):
            daemon.journal.recent.forget(slot)
        detail = f"{profile.id} {what}"
        daemon.store.audit("erase", detail, by=by, at=daemon.clock.now(), origin=request.text("origin", ""))
        daemon.control.publish("status", what="erase", profile=profile.id)
        return {"id": profile.id, "what": what}

    def _own(self, request: Request) -> tuple[str, Profile]:
        """Who deletes, and whose it is: the child itself by its PIN, below ten years a guardian for it."""
        profile = self._whom.child(request).profile
        if not needs_pin(profile):
            return self._whom.guardian(request), profile
        self._pins.check(request, parse_mac(request.text("device")) or "", profile)
        return profile.name, profile

    def _child(self, request: Request) -> Profile:
        profile = self._daemon.rules.profile(request.text("id"))
        if not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        return profile

    def _today(self) -> date:
        return self._family_day(self._daemon.local_now())

    def _family_day(self, at: datetime) -> date:
        return self._daemon.rules.calendar.family_day(at)
