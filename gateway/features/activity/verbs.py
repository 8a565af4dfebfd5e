"""The verbs `history` and `erase`: show a child's past days to guardians, and delete them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from gateway.control.contract.activity import (
    ERASE,
    HISTORY,
    ActivityDay,
    CategoryCount,
    Erased,
    EraseRequest,
    History,
    HistoryRequest,
)
from gateway.control.contract.time import LEDGER_DAYS
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.activity.histories import (
    BlockedSites,
    describe_kinds,
    describe_uses,
    describe_visited,
    used_today,
)
from gateway.features.activity.recent_refusals import RecentRefusals
from gateway.features.sharing.pins import PinDesk
from gateway.features.site_repair.repairs import SiteRepairs
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import needs_pin
from gateway.policy.judge.why import question
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL, shows_present
from gateway.store.stored_detail import COUNTS_DAYS, NAMES_DAYS
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.history import ALL, HistoryTable

ONE_DAY = timedelta(days=1)
NAMES, EVERYTHING = "names", "all"


class HistoryVerbs:
    """Control-socket verbs that show and delete what is stored of a child's activity.

    ``write_pending``: writes the decisions that are in memory to the database, given the time of the loop's
    clock. ``erase``: deletes a profile's names, minutes by service and bypass alerts; if the second argument
    is True, also its counts and other minutes of past days.
    """

    def __init__(
        self,
        home: HomeContext,
        history: HistoryTable,
        write_pending: Callable[[float], None],
        erase: Callable[[str, bool], None],
        audit: RecordAudit,
        family: Family,
        repairs: SiteRepairs,
        recent: RecentRefusals,
        access: Access,
        pins: PinDesk,
        is_public_suffix: PublicSuffixCheck,
    ) -> None:
        self._home = home
        self._history = history
        self._write_pending = write_pending
        self._erase = erase
        self._audit = audit
        self._family = family
        self._repairs = repairs
        self._recent = recent
        self._access = access
        self._pins = pins
        self._is_public_suffix = is_public_suffix

    def register(self, router: Router) -> None:
        router.serve(HISTORY, self.history)
        router.serve(ERASE, self.erase)

    def history(self, call: Call[HistoryRequest]) -> History:
        """Return a child's past days as its log level allows: counts for a month, names for a week.

        Today is left out if the log level hides the present: its numbers would grow while the child is
        online. The child's own device gets all that is stored. Raises ControlError for days out of range or
        a person who is no child, and PolicyError for an unknown profile.
        """
        own = call.has("device")
        profile, today = self._access.child(call).profile if own else self._named(call), self._today()
        oldest = today - timedelta(days=COUNTS_DAYS)
        last = call.args.to or today
        first = call.args.from_ or last
        if not oldest <= first <= last <= today:
            call.refuse("from", f'and "to" must be days in order, from {oldest} to {today}')
        level = VISITS_LEVEL if own else profile.rules.log_level
        sample = self._history.sample_until()
        rules, names = self._home.rules, self._history.names
        span = rules.calendar.starts(first), rules.calendar.starts(last + ONE_DAY)
        if level >= KINDS_LEVEL:
            self._write_pending(self._home.loop.now())
        days, kinds = self._days(profile, first, last, level, own=own) if level >= KINDS_LEVEL else ((), ())
        refused, refused_left_off = (
            self._blocked_sites(profile).describe(names(profile.id, *span, refused=True))
            if level >= NAMES_LEVEL
            else ((), 0)
        )
        visited, visited_left_off = (
            describe_visited(names(profile.id, *span, refused=False), rules, self._is_public_suffix)
            if level >= VISITS_LEVEL
            else ((), 0)
        )
        return History(
            id=profile.id,
            name=profile.name,
            band=profile.band.value,
            log_level=profile.rules.log_level,
            from_=first,
            to=last,
            today=today,
            oldest=oldest,
            names_from=today - timedelta(days=NAMES_DAYS),
            sample_until=None if sample is None else self._family_day(sample),
            days=days,
            kinds=kinds,
            refused=refused,
            visited=visited,
            refused_left_off=refused_left_off,
            visited_left_off=visited_left_off,
        )

    def _blocked_sites(self, profile: Profile) -> BlockedSites:
        member, now = self._access.stand_in(profile), self._home.now()
        return BlockedSites(
            self._home.rules,
            self._is_public_suffix,
            lambda host: member.decide(question(host), now).allowed,
        )

    def _days(
        self, profile: Profile, first: date, last: date, level: int, *, own: bool
    ) -> tuple[tuple[ActivityDay, ...], tuple[CategoryCount, ...]]:
        rules, history = self._home.rules, self._history
        today = self._today()
        if not shows_present(level):
            last = min(last, today - ONE_DAY)
        used = dict(history.of(profile.id, first, last))
        minutes = self._family.minutes
        if last == today:
            entries, stored = minutes.entries(profile.id, today), minutes.uses(profile.id, today)
            used[today] = used_today(entries, stored, rules, level)
        if own:
            # The child sees each minute that a limit counted, whatever else its log level stores.
            kept = max(first, today - LEDGER_DAYS * ONE_DAY)
            for day in (kept + n * ONE_DAY for n in range((last - kept).days + 1)):
                entries, stored = minutes.entries(profile.id, day), minutes.uses(profile.id, day)
                used[day] = {**used.get(day, {}), **used_today(entries, stored, rules, level)}
        counts = history.counts(profile.id, first, last)
        days = [first + n * ONE_DAY for n in range((last - first).days + 1)]
        described = tuple(
            ActivityDay(
                day=day,
                minutes=used.get(day, {}).get(ALL, 0),
                uses=describe_uses(used.get(day, {}), rules, profile, level),
                refused=sum(count.refused for count in counts if count.day == day),
                background=sum(count.background for count in counts if count.day == day),
            )
            for day in days
        )
        return described, describe_kinds(counts, rules, level)

    def erase(self, call: Call[EraseRequest]) -> Erased:
        """Delete a child's stored host names, or (``what``) everything except today's minutes, permanently.

        The names include minutes by service, bypass alerts, the site repair and the devices' latest
        refusals. With ``device`` a child deletes its own names, and the counts stay. Raises
        ControlError if this is not allowed, and PolicyError for an unknown profile.
        """
        if call.has("device"):
            by, profile, what = *self._own(call), NAMES
        else:
            by, what = self._access.guardian(call), call.args.what
            profile = self._named(call)
        self._erase(profile.id, what == EVERYTHING)
        self._repairs.forget(profile.id)  # a site repair has names, too
        for slot in self._family.slots_of(profile.id):
            self._recent.forget(slot)
        detail, origin = f"{profile.id} {what}", call.text("origin", "")
        self._audit("erase", detail, by=by, at=self._home.now(), origin=origin)
        self._home.publish("status", what="erase", profile=profile.id)
        return Erased(profile.id, what)

    def _own(self, call: Call[EraseRequest]) -> tuple[str, Profile]:
        """Return the author and the profile of a request from the child's own device.

        A child that is old enough for a PIN confirms with the PIN. For a younger child, a guardian must send
        the request. Raises ControlError or PolicyError.
        """
        profile = self._access.child(call).profile
        if not needs_pin(profile):
            return self._access.guardian(call), profile
        self._pins.check(call, parse_mac(call.text("device")) or "", profile)
        return profile.name, profile

    def _named(self, call: Call[HistoryRequest] | Call[EraseRequest]) -> Profile:
        """Return the child that ``id`` names.

        Raises ControlError if it is missing or names no child, and PolicyError for an unknown profile.
        """
        if call.args.id is None:
            call.refuse("id", "is missing")
        profile = self._home.rules.household.profile(call.args.id)
        if not profile.is_child:
            raise ControlError.of(Code.NO_CHILD, name=profile.name)
        return profile

    def _today(self) -> date:
        return self._family_day(self._home.local_now())

    def _family_day(self, at: datetime) -> date:
        return self._home.rules.calendar.family_day(at)
