"""The verbs `history` and `erase`: show a child's past days to guardians, and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.activity.histories import describe_kinds, describe_names, describe_uses, used_today
from gateway.features.activity.recent_refusals import RecentRefusals
from gateway.features.sharing.pins import PinDesk
from gateway.features.site_repair.lessons import Lessons
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import needs_pin
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.store.store import COUNTS_DAYS, NAMES_DAYS, Store
from gateway.store.tables.history import ALL

ONE_DAY = timedelta(days=1)
NAMES, EVERYTHING = "names", "all"


class HistoryVerbs:
    """Shows and deletes what is stored of a child's activity."""

    def __init__(
        self,
        home: HomeContext,
        store: Store,
        family: Family,
        lessons: Lessons,
        recent: RecentRefusals,
        access: Access,
        pins: PinDesk,
    ) -> None:
        self._home = home
        self._store = store
        self._family = family
        self._lessons = lessons
        self._recent = recent
        self._access = access
        self._pins = pins

    def register(self, router: Router) -> None:
        router.add("history", self.history)
        router.add("erase", self.erase)

    def history(self, request: Request) -> Mapping[str, object]:
        """The verb `history`: counts by day for a month, names for a week, as the log level allows."""
        profile, today = self._child(request), self._today()
        oldest = today - timedelta(days=COUNTS_DAYS)
        last = request.day("to", default=today)
        first = request.day("from", default=last)
        if not oldest <= first <= last <= today:
            request.refuse("from", f'and "to" must be days in order, from {oldest} to {today}')
        sample = self._store.history.sample_until()
        header: dict[str, object] = {
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
            return header | {"days": [], "kinds": [], "refused": [], "visited": []}
        self._store.flush(self._home.loop.now(), force=True)
        return header | self._days(profile, first, last) | self._names(profile, first, last)

    def _days(self, profile: Profile, first: date, last: date) -> dict[str, object]:
        rules, history = self._home.rules, self._store.history
        level = profile.rules.log_level
        used = dict(history.of(profile.id, first, last))
        today = self._today()
        if last == today:
            minutes = self._family.minutes
            entries, stored = minutes.entries(profile.id, today), minutes.uses(profile.id, today)
            used[today] = used_today(entries, stored, rules, level)
        counts = history.counts(profile.id, first, last)
        days = [first + n * ONE_DAY for n in range((last - first).days + 1)]
        return {
            "days": [
                {
                    "day": day.isoformat(),
                    "minutes": used.get(day, {}).get(ALL, 0),
                    "uses": describe_uses(used.get(day, {}), rules, profile),
                    "refused": sum(count.refused for count in counts if count.day == day),
                }
                for day in days
            ],
            "kinds": describe_kinds(counts, rules, level),
        }

    def _names(self, profile: Profile, first: date, last: date) -> dict[str, object]:
        rules, level = self._home.rules, profile.rules.log_level
        zone = rules.household.config.zone
        span = rules.calendar.starts(first), rules.calendar.starts(last + ONE_DAY)
        answer: dict[str, object] = {"refused": [], "visited": []}
        for key, least, refused in (("refused", NAMES_LEVEL, True), ("visited", VISITS_LEVEL, False)):
            if level >= least:
                found = self._store.history.names(profile.id, *span, refused=refused)
                answer[key], answer[f"{key}_left_off"] = describe_names(found, rules, zone, refused=refused)
        return answer

    def erase(self, request: Request) -> Mapping[str, object]:
        """The verb `erase`: delete names, or everything except today's minutes. It cannot be undone.

        With ``device`` a child deletes its own names. The counts stay.
        """
        if request.has("device"):
            by, profile, what = *self._own(request), NAMES
        else:
            by, profile = self._access.guardian(request), self._child(request)
            what = request.choice("what", (NAMES, EVERYTHING)) if request.has("what") else EVERYTHING
        self._store.erase(profile.id, counts=what == EVERYTHING)
        self._lessons.forget(profile.id)  # a lesson has names, too
        for slot in self._family.slots_of(profile.id):
            self._recent.forget(slot)
        detail, origin = f"{profile.id} {what}", request.text("origin", "")
        self._store.audit("erase", detail, by=by, at=self._home.now(), origin=origin)
        self._home.publish("status", what="erase", profile=profile.id)
        return {"id": profile.id, "what": what}

    def _own(self, request: Request) -> tuple[str, Profile]:
        """Return who deletes, and whose activity: a child from ten years by its PIN, else a guardian."""
        profile = self._access.child(request).profile
        if not needs_pin(profile):
            return self._access.guardian(request), profile
        self._pins.check(request, parse_mac(request.text("device")) or "", profile)
        return profile.name, profile

    def _child(self, request: Request) -> Profile:
        profile = self._home.rules.profile(request.text("id"))
        if not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        return profile

    def _today(self) -> date:
        return self._family_day(self._home.local_now())

    def _family_day(self, at: datetime) -> date:
        return self._home.rules.calendar.family_day(at)
