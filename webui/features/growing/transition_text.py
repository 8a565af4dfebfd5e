"""Describes the transition to the next age group in one sentence, for parents and for the child."""

from __future__ import annotations

from datetime import datetime

from gateway.age.bands import AgeBand
from gateway.control.contract.growing import AgeTransition
from webui.language.i18n import gettext as _
from webui.language.words import day_of, plain

REASON_LIMIT = 200  # characters; the daemon's limit


def is_final(then: str | None) -> bool:
    """Return whether ``then``, the next age group, is adulthood."""
    return then == AgeBand.ADULT.value


def _values(step: AgeTransition, now: datetime) -> dict[str, str]:
    day = step.on if step.taken is None else step.taken.astimezone(now.tzinfo).date()
    return {
        "name": plain(step.name),
        "band": step.then,
        "day": "" if day is None else day_of(day, now.date()),
        "by": plain((step.put_off_by if step.taken is None else step.by) or ""),
        "reason": plain(step.reason, REASON_LIMIT),
    }


def to_parents(step: AgeTransition, now: datetime) -> str:
    values = _values(step, now)
    if step.stage == "taken" and is_final(step.then):
        return _(
            "%(name)s is an adult since %(day)s: the rules have ended, and the stored activity is deleted.",
            **values,
        )
    if step.stage == "taken" and step.by_itself:
        return _("%(name)s has the %(band)s rules since %(day)s. They started automatically.", **values)
    if step.stage == "taken":
        return _("%(name)s has the %(band)s rules since %(day)s. %(by)s said yes.", **values)
    if is_final(step.then):
        return _("The rules of %(name)s end on %(day)s, at 18. This cannot be put off.", **values)
    if step.stage == "postponed":
        return _("%(name)s has the %(band)s rules from %(day)s on: %(by)s put them off.", **values)
    return _("%(name)s gets the %(band)s rules on %(day)s if no parent answers.", **values)


def to_child(step: AgeTransition, now: datetime) -> str:
    values = _values(step, now)
    if step.stage == "taken" and is_final(step.then):
        return _(
            "You are an adult here since %(day)s. The rules have ended, and what was stored about "
            "you is deleted.",
            **values,
        )
    if step.stage == "taken":
        return _("You have the %(band)s rules since %(day)s.", **values)
    if is_final(step.then):
        return _("Your rules end on %(day)s, at 18. This cannot be put off.", **values)
    if step.stage == "postponed":
        return _("You have the %(band)s rules from %(day)s on. %(by)s put them off: “%(reason)s”", **values)
    return _("You have the %(band)s rules from %(day)s on. A parent may say yes sooner.", **values)
