"""The pages' words for the periods of time limits. No other module or template of the pages names one."""

from __future__ import annotations

from gateway.policy.time.limit_periods import LimitPeriod
from webui.language.i18n import gettext as _

DAY, WEEK = LimitPeriod.DAY, LimitPeriod.WEEK

STEPS = {WEEK: (120, 180, 300, 420, 600, 840, 960, 1200)}
"""Minutes that the form of a limit offers for a period."""


def each(period: LimitPeriod) -> str:
    """Return when a limit of a longer period applies, such as ``Each week``. Raises KeyError for a day."""
    return {WEEK: _("Each week")}[period]


def rule(period: LimitPeriod, what: str, value: str) -> str:
    """Return a sentence about a limit of a longer period. Raises KeyError for a day.

    ``what``: the name of its target. ``value``: its minutes as text.
    """
    return {WEEK: _("%(what)s: %(value)s a week", what=what, value=value)}[period]


def of_whole(period: LimitPeriod, whole: str) -> str:
    """Return the text after the minutes left. ``whole``: the minutes of the limit as text."""
    return {
        DAY: _("of %(whole)s", whole=whole),
        WEEK: _("of %(whole)s this week", whole=whole),
    }[period]


def named(period: LimitPeriod, what: str) -> str:
    """Return the name of a limit: that of its target, with the period if it is longer than a day."""
    return {
        DAY: what,
        # Translators: %(what)s is the internet, an app or a category, as in "left for Play this week".
        WEEK: _("%(what)s this week", what=what),
    }[period]


def field(period: LimitPeriod) -> tuple[str, str]:
    """Return the label and the explanation of a longer period's field in the form of a limit.

    Raises KeyError for a day.
    """
    return {
        WEEK: (
            _("Time a week"),
            _("The smaller of what is left today and this week applies. Empty: no limit for the week."),
        ),
    }[period]
