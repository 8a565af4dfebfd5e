"""Describes rules as sentences. Pure functions: values of a rule file in, sentences out.

Functions that read hours or durations raise Unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.profile.rule_keys import RuleShape, of_shape
from gateway.policy.time.limit_periods import LONGER_PERIODS, LimitPeriod
from gateway.policy.time.time_text import DAYS
from webui.language import loglevels, period_text, things
from webui.language.i18n import gettext as _
from webui.language.i18n import ngettext
from webui.language.words import days as named_days
from webui.language.words import duration, plain
from webui.rules.catalogue import CatalogueIndex
from webui.rules.hours import Plan, Span, clock, read_minutes, read_night, read_plan, read_spans
from webui.rules.rule_text import choices_of, minutes_of
from webui.rules.ruleset import Values, flag, texts, whole

Sentences = tuple[str, ...]

EVERY_DAY, ONE_DAY = "", "date"
SWITCHES = of_shape(RuleShape.SWITCH)


def _by_days(plan: Plan[object]) -> list[tuple[str, object]]:
    """Return the days of a rule with their values: ``school``, ``free``, weekdays; then longer periods.

    If school days and free days have the same value and no weekday has its own, ``""`` stands for
    every day.
    """
    longer = [(period.value, plan[period]) for period in LONGER_PERIODS if plan.get(period) is not None]
    days = [(day, plan[day]) for day in DAYS if day in plan]
    if [day for day, _value in days] == ["school", "free"] and plan["school"] == plan["free"]:
        days = [(EVERY_DAY, plan["school"])] if plan["school"] is not None or not longer else []
    return [*days, *longer]


def bedtime(value: object) -> Sentences:
    """Return sentences about a bedtime, one for each kind of day with its own. Raises Unreadable."""
    return tuple(_night(day, span) for day, span in _by_days(read_plan(value, read_night)))


def _night(day: str, span: object) -> str:
    if not isinstance(span, tuple):
        return {
            EVERY_DAY: _("No bedtime"),
            ONE_DAY: _("No bedtime"),
            "school": _("No bedtime before school days"),
            "free": _("No bedtime before free days"),
        }.get(day) or _("No bedtime in the night to %(days)s", days=named_days(day))
    hours = _hours((span,))
    return {
        EVERY_DAY: _("Bedtime every night %(hours)s", hours=hours),
        ONE_DAY: _("Bedtime %(hours)s", hours=hours),
        "school": _("Bedtime on school nights %(hours)s", hours=hours),
        "free": _("Bedtime before free days %(hours)s", hours=hours),
    }.get(day) or _("Bedtime in the night to %(days)s %(hours)s", days=named_days(day), hours=hours)


def _hours(spans: tuple[Span, ...]) -> str:
    return ", ".join(f"{clock(start)}–{clock(end)}" for start, end in spans)


def windows(what: str, value: object) -> Sentences:
    return tuple(_window(what, day, spans) for day, spans in _by_days(read_plan(value, read_spans)))


def _window(what: str, day: str, spans: object) -> str:
    if not isinstance(spans, tuple):
        return _on(
            what, day,
            _("%(what)s: at any time"), _("%(what)s on school days: at any time"),
            _("%(what)s on free days: at any time"), _("%(what)s, %(days)s: at any time"),
        )  # fmt: skip
    if not spans:
        return _on(
            what, day,
            _("%(what)s: not at all"), _("%(what)s on school days: not at all"),
            _("%(what)s on free days: not at all"), _("%(what)s, %(days)s: not at all"),
        )  # fmt: skip
    if len(spans) == 1 and spans[0][0] == 0:
        return _on(
            what, day,
            _("%(what)s: not after %(value)s"), _("%(what)s on school days: not after %(value)s"),
            _("%(what)s on free days: not after %(value)s"), _("%(what)s, %(days)s: not after %(value)s"),
            value=clock(spans[0][1]),
        )  # fmt: skip
    return _on(
        what, day,
        _("%(what)s: %(value)s"), _("%(what)s on school days: %(value)s"),
        _("%(what)s on free days: %(value)s"), _("%(what)s, %(days)s: %(value)s"),
        value=_hours(spans),
    )  # fmt: skip


def _on(what: str, day: str, always: str, school: str, free: str, some: str, value: str = "") -> str:
    """Return the one of four sentences that fits the day, with its values filled in.

    ``always``: for every day or one date; ``some``: for single weekdays.
    """
    said = {EVERY_DAY: always, ONE_DAY: always, "school": school, "free": free}.get(day, some)
    return said % {"what": what, "days": named_days(day) if said is some else "", "value": value}


def limits(what: str, value: object) -> Sentences:
    return tuple(limit(what, minutes, day) for day, minutes in _by_days(read_plan(value, read_minutes)))


def limit(what: str, minutes: object, day: str = ONE_DAY) -> str:
    if day in LONGER_PERIODS and isinstance(minutes, int):
        return period_text.rule(LimitPeriod(day), what, duration(minutes))
    if not isinstance(minutes, int):
        return _on(
            what, day,
            _("%(what)s: no limit"), _("%(what)s on school days: no limit"),
            _("%(what)s on free days: no limit"), _("%(what)s, %(days)s: no limit"),
        )  # fmt: skip
    if not minutes:
        return _on(
            what, day,
            _("%(what)s: no minutes"), _("%(what)s on school days: no minutes"),
            _("%(what)s on free days: no minutes"), _("%(what)s, %(days)s: no minutes"),
        )  # fmt: skip
    return _on(
        what, day,
        _("%(what)s: %(value)s a day"), _("%(what)s on school days: %(value)s a day"),
        _("%(what)s on free days: %(value)s a day"), _("%(what)s, %(days)s: %(value)s a day"),
        value=duration(minutes),
    )  # fmt: skip


def kind(what: str, action: object) -> str:
    """Return a sentence about an action: blocked, needs approval, uses daily time, or else allowed.

    ``what``: the name of a category, a service or another target.
    """
    values = {"what": what}
    return {
        "block": _("%(what)s: blocked", **values),
        "ask": _("%(what)s: needs approval", **values),
        "count": _("%(what)s: uses daily time", **values),
    }.get(str(action)) or _("%(what)s: allowed", **values)


def way(name: str, switch: object) -> str:
    if switch == "block":
        return _("%(way)s: blocked", way=things.way(name))
    return _("%(way)s: allowed", way=things.way(name))


def entry(key: str, word: str, names: CatalogueIndex) -> str:
    """Return a sentence about one entry of ``allow``, ``block`` or ``homework``."""
    values = {"what": plain(names.called(word), 80)}
    if key == "homework":
        return _("%(what)s is for homework: it never counts and works when time is used up", **values)
    if word.startswith("category:"):
        return kind(values["what"], key)
    if key == "block":
        return _("%(what)s is blocked", **values)
    return _("%(what)s is allowed", **values)


def choice(key: str, value: object) -> str:
    """Return a sentence about the value of a choice or a switch; empty for an unknown value."""
    word = str(value).lower()
    if key in SWITCHES:
        word = "true" if flag(value) else "false"
    return choices_of(key).get(word, "")


def minutes(key: str, value: object) -> str:
    """Return a sentence about a rule with a duration as value. ``key``: the rule's. Raises Unreadable."""
    found = read_minutes(value)
    return minutes_of(key, duration(found) if found else "")


def log_level(value: object, name: str) -> str:
    """Return a sentence about a log level (0 to 3), with the text that the child reads.

    ``name``: the child's.
    """
    level = whole(value)
    words = loglevels.describe(level)
    return _(
        "Stored: level %(level)d of 3. %(name)s reads: “%(words)s”",
        level=level,
        name=plain(name),
        words=words,
    )


def date(day: str, value: object, names: CatalogueIndex) -> Sentences:
    """Return sentences about the rules for one date, an entry of ``dates`` in the rule file.

    ``day``: the date, or ``first..last``. Raises Unreadable.
    """
    when = day.replace("..", " – ")
    return tuple(_("%(date)s: %(rule)s", date=when, rule=rule) for rule in _of_date(value, names))


def _of_date(value: object, names: CatalogueIndex) -> list[str]:
    if not isinstance(value, Mapping):
        return [counts_as(value)]
    said = [counts_as(value["day"])] if "day" in value else []
    if "bedtime" in value:
        said.append(_night(ONE_DAY, None if value["bedtime"] == {} else read_night(value["bedtime"])))
    if value.get("limits") == {}:
        said.append(_("no limits"))
    for target, item in _entries(value, "limits"):
        said.append(limit(names.called(target), None if item == {} else read_minutes(item)))
    if value.get("windows") == {}:
        said.append(_("no schedule"))
    for target, item in _entries(value, "windows"):
        said.append(_window(names.called(target), ONE_DAY, None if item == {} else read_spans(item)))
    return said


def _entries(value: Values, key: str) -> list[tuple[str, object]]:
    found = value.get(key)
    return list(found.items()) if isinstance(found, Mapping) else []


def counts_as(value: object) -> str:
    return _("a free day") if value == "free" else _("a school day")


def calendars(value: object) -> Sentences:
    return tuple(_("Free days come from a calendar", file=plain(text)) for text in texts(value))


def portal(value: object) -> str:
    found = texts(value)
    return ngettext(
        "%(num)d device opens the blocked page when time is over",
        "%(num)d devices open the blocked page when time is over",
        len(found),
    )


def devices(value: object) -> str:
    found = texts(value)
    return ngettext(
        "%(num)d device: %(macs)s", "%(num)d devices: %(macs)s", len(found), macs=", ".join(found)
    )


def as_written(key: str, value: object) -> str:
    """Return a rule as text as it is in the file, ``key: value``, for one that the pages cannot describe."""
    return f"{key}: {_flow(value)}"


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return str(value)
