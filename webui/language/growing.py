"""Describes the transition to the next age band in one sentence, for parents and for the child."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from webui.language.i18n import gettext as _
from webui.language.words import day_of, plain

REASON_LIMIT = 200  # characters; the daemon's limit


class AgeTransition(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def then(self) -> str: ...
    @property
    def on(self) -> date | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def put_off_by(self) -> str: ...
    @property
    def taken(self) -> datetime | None: ...
    @property
    def by(self) -> str: ...
    @property
    def by_itself(self) -> bool: ...
    @property
    def is_final(self) -> bool: ...


def _values(step: AgeTransition, now: datetime) -> dict[str, str]:
    day = step.on if step.taken is None else step.taken.astimezone(now.tzinfo).date()
    return {
        "name": plain(step.name),
        "band": step.then,
        "day": "" if day is None else day_of(day, now.date()),
        "by": plain(step.put_off_by if step.taken is None else step.by),
        "reason": plain(step.reason, REASON_LIMIT),
    }


def to_parents(step: AgeTransition, now: datetime) -> str:
    values = _values(step, now)
    if step.stage == "taken" and step.is_final:
        return _(
            "%(name)s is an adult since %(day)s: the rules have ended, and what was written down is deleted.",
            **values,
        )
    if step.stage == "taken" and step.by_itself:
        return _("%(name)s has the %(band)s rules since %(day)s. It happened by itself.", **values)
    if step.stage == "taken":
        return _("%(name)s has the %(band)s rules since %(day)s. %(by)s said yes.", **values)
    if step.is_final:
        return _("The rules of %(name)s end on %(day)s, at 18. Nobody can put that off.", **values)
    if step.stage == "postponed":
        return _("%(name)s has the %(band)s rules from %(day)s on: %(by)s put them off.", **values)
    return _("%(name)s has the %(band)s rules from %(day)s on, if nobody answers.", **values)


def to_child(step: AgeTransition, now: datetime) -> str:
    values = _values(step, now)
    if step.stage == "taken" and step.is_final:
        return _(
            "You are an adult here since %(day)s. The rules have ended, and what was written down of you is"
            " deleted.",
            **values,
        )
    if step.stage == "taken":
        return _("You have the %(band)s rules since %(day)s.", **values)
    if step.is_final:
        return _("Your rules end on %(day)s, at 18. Nobody can put that off.", **values)
    if step.stage == "postponed":
        return _("You have the %(band)s rules from %(day)s on. %(by)s put them off: “%(reason)s”", **values)
    return _("You have the %(band)s rules from %(day)s on. A parent may say yes sooner.", **values)
