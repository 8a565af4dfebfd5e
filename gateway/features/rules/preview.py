"""The verbs `catalogue`, `preview` and `week`: what rules exist, and what a change would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.features.accounts.access import Access
from gateway.features.activity.decided import DecisionSource
from gateway.features.rules.describe_hours import target_name
from gateway.household.context import HomeContext
from gateway.household.editing import Editing
from gateway.household.members import Family, Member
from gateway.household.visibility import Visibility, VisibleMembers
from gateway.policy.judge.explanation import sentence
from gateway.policy.judge.why import as_json, parse_moment, parse_question, why
from gateway.policy.names.catalogue_views import catalogue_to_dict
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import KINDS_LEVEL
from gateway.policy.time.schedule import Grid, PlannedDay, Stretch, plan
from gateway.policy.time.time_text import clock_text
from gateway.policy.values import Observation


class Explainer:
    """Explains the decision about a host or a connection, as far as guardians may see it."""

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

    def moment(self, request: Request) -> datetime:
        """Return the time in ``at``; the current time if the request has none."""
        if not request.has("at"):
            return self._home.local_now()
        return parse_moment(request.text("at"), self._home.rules.household.config.zone)

    def explain(self, member: Member, seen: Observation, at: datetime) -> dict[str, object]:
        """Return the decision for a member at a moment, and the reasons."""
        judge, situation = member.judge, member.situation
        if at < self._home.local_now():
            judge, situation = self._family.judged(member, at)
        answer = why(judge, seen, at, self._members.situation(member, situation, at))
        if member.profile.is_child and self._visibility.level(member.profile.id) < KINDS_LEVEL:
            answer = answer._replace(left=None)  # the minutes left would show how much the child used
        text = sentence(answer.decision, seen.host, at, self._home.rules.names, left=answer.left)
        decided = self._decided(member.profile).describe(answer.decision, seen.host)
        return as_json(seen, at, answer) | {"sentence": text, "decided": decided}


class PreviewVerbs:
    """Answers questions about rules without changing them.

    ``with_choices`` adds to a profile what the child set for itself.
    """

    def __init__(
        self,
        home: HomeContext,
        access: Access,
        editing: Editing,
        with_choices: Callable[[Profile], Profile],
        explainer: Explainer,
    ) -> None:
        self._home = home
        self._access = access
        self._editing = editing
        self._with_choices = with_choices
        self._explainer = explainer

    def register(self, router: Router) -> None:
        router.add("catalogue", self.catalogue)
        router.add("preview", self.preview)
        router.add("week", self.week)

    def catalogue(self, _request: Request) -> Mapping[str, object]:
        """The verb `catalogue`: services, categories and age groups."""
        product = self._home.rules.product
        return catalogue_to_dict(product.catalogue, product.categories, product.bands)

    def preview(self, request: Request) -> Mapping[str, object]:
        """The verb `preview`: the decision about a host, by the rules as they are or with changes."""
        member = self._access.stand_in(self._profile(request))
        seen, at = parse_question(request.text("host")), self._explainer.moment(request)
        return self._explainer.explain(member, seen, at)

    def _profile(self, request: Request) -> Profile:
        """Return the profile as it is, or with the changes of ``set``."""
        profile = self._home.rules.profile(request.text("id"))
        if not request.has("set"):
            return profile
        changes = request.mapping("set")
        changed = self._editing.with_changes(profile.id, changes).profiles[profile.id]
        return self._with_choices(changed)

    def week(self, request: Request) -> Mapping[str, object]:
        """The verb `week`: the schedule of seven days from today on."""
        rules, profile = self._home.rules, self._profile(request)
        holidays = rules.product.holidays(rules.household.config.country)
        grid, today = Grid(profile, rules.calendar), self._home.local_now().date()
        return {
            "id": profile.id,
            "days": [self._day(day, grid) for day in plan(profile, rules.calendar, holidays, today)],
        }

    def _day(self, planned: PlannedDay, grid: Grid) -> dict[str, object]:
        rules = self._home.rules
        return {
            **planned.in_brief(),
            "spans": [_span(stretch) for stretch in grid.internet(planned.day)],
            "windows": [
                {
                    "target": key,
                    "name": target_name(key, rules),
                    "spans": [_span(stretch) for stretch in stretches],
                }
                for key, stretches in grid.targets(planned.day).items()
            ],
            "limits": [
                {
                    "target": key,
                    "name": target_name(key, rules),
                    "minutes": limit.value // timedelta(minutes=1),
                    "owner": limit.owner,
                }
                for key, limit in planned.limits.items()
            ],
        }


def _span(stretch: Stretch) -> dict[str, object]:
    span: dict[str, object] = {
        "from": clock_text(stretch.start),
        "to": clock_text(stretch.end),
        "state": stretch.state,
    }
    return span | ({"owner": stretch.owner} if stretch.owner else {})
