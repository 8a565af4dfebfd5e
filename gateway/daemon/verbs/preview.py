"""The verbs with which a page looks before it changes anything: what there is, and what would happen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from gateway.control.protocol import Request, Verb
from gateway.daemon.devices.family import Member
from gateway.daemon.eyes import Eyes
from gateway.daemon.files.editing import Editing
from gateway.daemon.files.editstory import EditStory
from gateway.daemon.verbs.decided import Decided
from gateway.daemon.verbs.hourstold import target_name
from gateway.daemon.verbs.whom import Whom
from gateway.policy.grid import Grid, Stretch
from gateway.policy.loglevels import KINDS_LEVEL
from gateway.policy.profile import Profile
from gateway.policy.sentence import sentence
from gateway.policy.timegrammar import clock_text
from gateway.policy.told import told_catalogue
from gateway.policy.values import Observation
from gateway.policy.week import PlannedDay, plan
from gateway.policy.why import as_json, parse_moment, parse_question, why

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class PreviewVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, editing: Editing) -> None:
        self._daemon = daemon
        self._whom = whom
        self._editing = editing

    def table(self) -> Mapping[str, Verb]:
        return {"catalogue": self.catalogue, "preview": self.preview, "week": self.week}

    def catalogue(self, _request: Request) -> Mapping[str, object]:
        product = self._daemon.rules.product
        return told_catalogue(product.catalogue, product.categories, product.bands)

    def preview(self, request: Request) -> Mapping[str, object]:
        member = self._whom.stand_in(self._profile(request))
        return answered(
            self._daemon, member, parse_question(request.text("host")), moment(self._daemon, request)
        )

    def _profile(self, request: Request) -> Profile:
        """As it is, or with the changes of ``set``; what a child set for itself holds beside them."""
        profile = self._daemon.rules.profile(request.text("id"))
        if not request.has("set"):
            return profile
        changes = request.mapping("set")
        changed = self._editing.with_changes(profile.id, changes).profiles[profile.id]
        return self._daemon.self_set.laid(changed)

    def week(self, request: Request) -> Mapping[str, object]:
        """Seven days from today on."""
        rules, profile = self._daemon.rules, self._profile(request)
        holidays = rules.product.holidays(rules.household.config.country)
        grid, today = Grid(profile, rules.calendar), self._daemon.local_now().date()
        return {
            "id": profile.id,
            "days": [self._day(one, grid) for one in plan(profile, rules.calendar, holidays, today)],
        }

    def _day(self, one: PlannedDay, grid: Grid) -> dict[str, object]:
        rules = self._daemon.rules
        return {
            **one.in_brief(),
            "spans": [_span(stretch) for stretch in grid.internet(one.day)],
            "windows": [
                {
                    "target": key,
                    "name": target_name(key, rules),
                    "spans": [_span(stretch) for stretch in found],
                }
                for key, found in grid.targets(one.day).items()
            ],
            "limits": [
                {
                    "target": key,
                    "name": target_name(key, rules),
                    "minutes": limit.value // timedelta(minutes=1),
                    "owner": limit.owner,
                }
                for key, limit in one.limits.items()
            ],
        }


def _span(one: Stretch) -> dict[str, object]:
    told: dict[str, object] = {"from": clock_text(one.start), "to": clock_text(one.end), "state": one.state}
    return told | ({"owner": one.owner} if one.owner else {})


def moment(daemon: Daemon, request: Request) -> datetime:
    """``at``, or now."""
    if not request.has("at"):
        return daemon.local_now()
    return parse_moment(request.text("at"), daemon.rules.household.config.zone)


def answered(daemon: Daemon, member: Member, seen: Observation, at: datetime) -> dict[str, object]:
    """What a member meets with a host or a connection, at a moment."""
    eyes, judge, situation = Eyes(daemon), member.judge, member.situation
    if at < daemon.local_now():
        judge, situation = daemon.family.judged(member, at)
    answer = why(judge, seen, at, eyes.situation(member, situation, at))
    if member.profile.is_child and eyes.level(member.profile.id) < KINDS_LEVEL:
        answer = answer._replace(left=None)  # how much a child without a log used is nobody else's
    told = sentence(answer.decision, seen.host, at, daemon.rules.names, left=answer.left)
    source = Decided(daemon.home, daemon.store.settings, partial(EditStory, daemon), member.profile)
    decided = source.describe(answer.decision, seen.host)
    return as_json(seen, at, answer) | {"sentence": told, "decided": decided}
