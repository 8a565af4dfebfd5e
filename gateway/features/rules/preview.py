"""The verbs `catalogue` and `week`, and decisions under changed rules. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from gateway.control.contract.rules import (
    CATALOGUE,
    WEEK,
    Explanation,
    HoursSpan,
    RuleCatalogue,
    TargetHours,
    TargetLimit,
    WeekDay,
    WeekPlan,
    WeekRequest,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.features.activity.decided import DecisionSource
from gateway.features.rules.catalogue_view import catalogue_view
from gateway.features.rules.explanation import explanation
from gateway.household.context import HomeContext
from gateway.household.editing import Editing
from gateway.household.members import Family, Member
from gateway.household.visibility import Visibility, VisibleMembers
from gateway.policy.judge.target_names import target_name
from gateway.policy.judge.why import parse_moment, why
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import shows_present
from gateway.policy.time.schedule import PlannedDay, Schedule, Stretch, plan
from gateway.policy.time.time_text import clock_text
from gateway.policy.values import Observation


class Explainer:
    """Explains decisions about a host or a connection, as far as guardians may see the reasons.

    ``decided``: returns what is known about who set a profile's rules.
    """

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        visibility: Visibility,
        members: VisibleMembers,
        decided: Callable[[Profile], DecisionSource],
    ) -> None:
        self._home = home
        self._family = family
        self._visibility = visibility
        self._members = members
        self._decided = decided

    def moment(self, at: str | None) -> datetime:
        """Return the time in the text ``at`` of a request; None means now.

        Raises PolicyError for bad text.
        """
        if at is None:
            return self._home.local_now()
        return parse_moment(at, self._home.rules.household.config.zone)

    def explain(
        self, member: Member, seen: Observation, at: datetime, problems: tuple[str, ...] = ()
    ) -> Explanation:
        """Return the decision about a host or connection at a moment, with its reasons.

        ``member``: the device or profile that it is for. A past moment is judged by the state of
        that time, as far as it is still stored. ``problems`` are added to the explanation. The
        minutes left of a child are omitted if its log level hides the present.
        """
        judge, situation = member.judge, member.situation
        if at < self._home.local_now():
            judge, situation = self._family.judged(member, at)
        answer = why(judge, seen, at, self._members.situation(member, situation, at))
        if member.profile.is_child and not shows_present(self._visibility.level(member.profile.id)):
            answer = answer._replace(left=None)  # the minutes left would show how much the child used
        decided = self._decided(member.profile).describe(answer.decision, seen.host)
        return explanation(seen, at, answer, self._home.rules.names, decided, problems)


class TriedRules:
    """Returns profiles with the rule changes of a request, to try them out. Nothing is written.

    ``with_choices`` returns a profile with the bedtimes and limits that the child set for itself.
    """

    def __init__(
        self, home: HomeContext, editing: Editing, with_choices: Callable[[Profile], Profile]
    ) -> None:
        self._home = home
        self._editing = editing
        self._with_choices = with_choices

    def profile(self, request: ControlRequest, wanted: str) -> Profile:
        """Return the profile with this id or name, with the changes in ``set`` if the request has any.

        Raises PolicyError for an unknown profile or invalid changes.
        """
        profile = self._home.rules.household.profile(wanted)
        if not request.has("set"):
            return profile
        changes: dict[str, Any] = request.mapping("set")
        changed = self._editing.with_changes(profile.id, changes).profiles[profile.id]
        return self._with_choices(changed)


class PreviewVerbs:
    """The verbs `catalogue`, what rules may contain, and `week`, the schedule of present or changed rules."""

    def __init__(self, home: HomeContext, tried: TriedRules) -> None:
        self._home = home
        self._tried = tried

    def register(self, router: Router) -> None:
        router.serve(CATALOGUE, self.catalogue)
        router.serve(WEEK, self.week)

    def catalogue(self, _call: Call[NoValues]) -> RuleCatalogue:
        return catalogue_view(self._home.rules.product)

    def week(self, call: Call[WeekRequest]) -> WeekPlan:
        """Return a profile's schedule and time limits for the seven days from today on.

        ``set`` of the request: changes of the rules that are tried out. Raises PolicyError for an unknown
        profile or invalid changes.
        """
        rules, profile = self._home.rules, self._tried.profile(call, call.args.id)
        holidays = rules.product.holidays(rules.household.config.country)
        grid, today = Schedule(profile, rules.calendar), self._home.local_now().date()
        days = plan(profile, rules.calendar, holidays, today)
        return WeekPlan(id=profile.id, days=tuple(self._day(day, grid) for day in days))

    def _day(self, planned: PlannedDay, grid: Schedule) -> WeekDay:
        rules = self._home.rules
        return WeekDay(
            date=planned.day,
            weekday=planned.weekday,
            counts_as=planned.counts_as.value,
            because=planned.because,
            holiday=planned.holiday or None,
            exception=planned.exception,
            spans=tuple(map(_span, grid.internet(planned.day))),
            windows=tuple(
                TargetHours(
                    target=key, name=target_name(key, rules.names), spans=tuple(map(_span, stretches))
                )
                for key, stretches in grid.targets(planned.day).items()
            ),
            limits=tuple(
                TargetLimit(
                    target=key,
                    name=target_name(key, rules.names),
                    minutes=limit.value // timedelta(minutes=1),
                    owner=limit.owner,
                )
                for key, limit in planned.limits.items()
            ),
        )


def _span(stretch: Stretch) -> HoursSpan:
    owner = {"owner": stretch.owner} if stretch.owner else {}
    return HoursSpan(
        from_=clock_text(stretch.start), to=clock_text(stretch.end), state=stretch.state, **owner
    )
