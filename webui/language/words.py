"""Texts for values in the reader's language: times, days, durations, numbers, and owners of rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from markupsafe import Markup, escape

from gateway.policy.time import moments
from gateway.policy.time.gates import BEDTIME, DEVICE_WIDE, WINDOW
from gateway.policy.time.limit_periods import LONGER_PERIODS
from webui.language import period_text
from webui.language.i18n import READER, ngettext, pgettext
from webui.language.i18n import gettext as _
from webui.language.things import Ours, laws, register

NAME_LIMIT = 40  # characters of a name that is untrusted input

_INVISIBLE = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
}  # control, format (bidi overrides), surrogate, private use, unassigned, line and paragraph separators

_ASKED = re.compile(r'[a-z]+: "([a-z]+)" (.*)')  # an error of the daemon about one value of a verb
_CLOCK_SPAN = re.compile(r"\d\d:\d\d–\d\d:\d\d")


def plain(text: str, limit: int = NAME_LIMIT) -> str:
    """Return untrusted text without characters that could reorder or hide the text around it.

    Text longer than ``limit`` characters is cut and ends with an ellipsis; names from the catalogue are not
    cut.
    """
    whole = isinstance(text, Ours)
    text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
    return text if len(text) <= limit or whole else text[: limit - 1] + "…"


def many(number: int) -> str:
    """Return a whole number with groups of three digits, by non-breaking spaces: ``83 800``."""
    return f"{number:,}".replace(",", "\u00a0")


def weekday(moment: date) -> str:
    return (
        _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
    )[moment.weekday()]  # fmt: skip


def short_weekdays() -> tuple[str, ...]:
    """Return the short names of the seven weekdays, Monday first."""
    return _("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")


def month(day: date) -> str:
    """Return the month and year of a day: ``November 2026``."""
    names = (
        _("January"), _("February"), _("March"), _("April"), pgettext("month", "May"), _("June"), _("July"),
        _("August"), _("September"), _("October"), _("November"), _("December"),
    )  # fmt: skip
    return _("%(month)s %(year)d", month=names[day.month - 1], year=day.year)


def day_of(moment: date, now: date) -> str:
    """Return a date without the current year: ``24 December``, ``3 January 2027``."""
    return moments.day_of(moment, now, READER)


def clock(moment: datetime, now: datetime) -> str:
    """Return a time in the home's time zone, with the day unless it is today.

    ``20:45``, ``midnight``, ``07:00 tomorrow``, ``07:00 on Tuesday`` or ``… on 24 December``.
    """
    return moments.clock(moment, now, READER)


def unknown_time() -> str:
    """Return a sentence about the effect of the gateway not knowing the time."""
    return moments.unknown_time(READER)


def day_past(moment: datetime, now: datetime) -> str:
    """Return a past day in words: ``today``, ``yesterday``, ``on Tuesday``, ``on 2 October``."""
    return day_past_of(moment.astimezone(now.tzinfo).date(), now.date())


def day_past_of(day: date, today: date) -> str:
    days = (today - day).days
    if days == 0:
        return _("today")
    if days == 1:
        return _("yesterday")
    if 1 < days < 7:
        return moments.on_weekday(day, READER)
    # Translators: %(date)s is "24 December".
    return _("on %(date)s", date=day_of(day, today))


def moment_past(moment: datetime, now: datetime) -> str:
    """Return day and time of a past moment: ``today at 14:05``, ``on Tuesday at 14:05``."""
    at = moment.astimezone(now.tzinfo)
    return _("%(day)s at %(time)s", day=day_past(moment, now), time=at.strftime("%H:%M"))


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was: ``just now``, ``7 minutes ago``.

    From an hour on, the day and time: ``today at 14:05``.
    """
    minutes = max(0, int((now - moment) / timedelta(minutes=1)))
    if minutes == 0:
        return _("just now")
    if minutes < 60:
        return ngettext("%(num)d minute ago", "%(num)d minutes ago", minutes)
    return moment_past(moment, now)


def duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("%(num)d min", num=rest)
    if not rest:
        return _("%(num)d h", num=hours)
    return _("%(hours)d h %(minutes)d min", hours=hours, minutes=rest)


def lasted(minutes: int) -> str:
    """Return a duration in whole days from two days on, ``3 days``, else in hours and minutes."""
    days = minutes // (24 * 60)
    return ngettext("%(num)d day", "%(num)d days", days) if days > 1 else duration(minutes)


def closing(gate: str, name: str, at: datetime | None, now: datetime) -> str:
    """Return the label next to the minutes that are left: ``until bedtime at 20:45``, ``left for Play``.

    ``gate``: the key of the limit, schedule or bedtime that ends the time. ``name``: what it is
    about. ``at``: when a schedule or the bedtime ends the time; None for a limit.
    """
    if at is None:
        return _("left for %(what)s", what=plain(name))
    if gate == BEDTIME:
        return _("until bedtime at %(at)s", at=clock(at, now))
    if gate.startswith(WINDOW) and gate not in DEVICE_WIDE:
        return _("until %(what)s closes at %(at)s", what=plain(name), at=clock(at, now))
    return _("until it closes at %(at)s", at=clock(at, now))


def day_name(day: date, today: date) -> str:
    """Return the label of a day: ``Today``, ``Yesterday``, ``Monday 23``.

    With the month if it is more than a week ago: ``Monday, 23 November``.
    """
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    if today - day > timedelta(days=7):
        sentence = _("%(weekday)s, %(date)s", weekday=weekday(day), date=day_of(day, today))
    else:
        # Translators: a button, as in "Monday 23".
        sentence = _("%(weekday)s %(day)d", weekday=weekday(day), day=day.day)
    return sentence[:1].upper() + sentence[1:]


def weekday_short(day: date) -> str:
    """Return the weekday in two letters, for the label of a bar: ``Mo``."""
    return (_("Mo"), _("Tu"), _("We"), _("Th"), _("Fr"), _("Sa"), _("Su"))[day.weekday()]


def span(first: date, last: date) -> str:
    """Return the label of a period of days, from its first and last day: ``18.11. – 24.11.``"""
    begin, end = f"{first:%d.%m.}", f"{last:%d.%m.}"
    return _("%(first)s – %(last)s", first=begin, last=end)


def whole_spans(text: str) -> Markup:
    """Return ``text`` as HTML in which no line breaks within a range of times such as ``20:45–07:00``."""
    return Markup(_CLOCK_SPAN.sub(r'<span class="range">\g<0></span>', str(escape(text))))


def wall(minute: int) -> str:
    """Return a time of day such as ``16:05`` from the minutes since a midnight; they may exceed a day."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def error_text(text: str) -> str:
    """Return an English error of the daemon, such as ``place: problem; fix``, as sentences."""
    verb = _ASKED.fullmatch(text)
    if verb is not None:
        text = f"{verb[1]} {verb[2]}"
    where, colon, rest = text.partition(": ")
    if not colon:
        where, rest = "", text
    problem, _semicolon, fix = rest.partition("; ")
    parts = [f"{where} {problem}".strip(), fix]
    return " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts if part)


def days(text: str | None) -> str:
    """Return in words the days to which a rule applies, from text such as ``school`` or ``sat,sun``.

    ``week``: a limit of that period. None or empty: every day.
    """
    text = text or ""
    named = {
        "": _("Every day"),
        **{period.value: period_text.each(period) for period in LONGER_PERIODS},
        "school": _("School days"),
        "free": _("Free days"),
        "mon": _("Mondays"),
        "tue": _("Tuesdays"),
        "wed": _("Wednesdays"),
        "thu": _("Thursdays"),
        "fri": _("Fridays"),
        "sat": _("Saturdays"),
        "sun": _("Sundays"),
    }
    return ", ".join(named.get(day.strip(), day.strip()) for day in text.split(","))


def nights(text: str | None) -> str:
    """Return in words the nights of a bedtime, from text such as ``school`` or ``sat,sun``.

    Each is the night before that day, and ends in its morning. None or empty: every night.
    """
    text = text or ""
    named = {"": _("Every night"), "school": _("Before school days"), "free": _("Before free days")}
    return named.get(text) or _("Nights before %(day)s", day=days(text))


def who(name: str) -> str:
    """Return the name to show for the author of a change: a person's, or that of a part of the gateway."""
    others = {
        "console": _("The gateway's console"),
        "router": _("The router's own pages"),
        "provider": _("Your internet provider"),
        "qalqan": _("The gateway"),
    }
    return others.get(name) or plain(name)


def owner(
    text: str,
    set_by: str = "",
    set_at: datetime | None = None,
    now: datetime | None = None,
    *,
    yours: bool = False,
) -> str:
    """Return who set a rule, in words, from an owner such as ``family``, ``band:10-12`` or ``guardian:Mum``.

    ``set_by``, ``set_at``: who last changed the family's rules, and when; only for ``family``.
    ``yours``: the child reads it, which matters for rules that it set itself.
    """
    kind, colon, name = text.partition(":")
    if kind == "self" and colon:
        return _("You set this yourself.") if yours else _("%(name)s’s own choice", name=plain(name))
    if kind == "family":
        if set_by and set_at and now:
            return _("%(who)s set this %(day)s", who=who(set_by), day=day_past(set_at, now))
        return _("Your family's own rule")
    if kind == "band" and colon:
        return _("The %(band)s rules", band=name)
    if kind == "guardian" and colon:
        return who(name)
    law, _colon, by = name.partition(":")
    # The id of a law has a hyphen; that of a register is a two-letter code: ``law:kz``.
    if kind == "law" and "-" in law and law in laws():
        if by:
            return _("%(law)s; %(who)s turned it on", law=laws()[law], who=who(by))
        return _("%(law)s; your family turned it on", law=laws()[law])
    if kind == "law" and colon:
        named = register(plain(law))
        return _("%(register)s; %(who)s turned it on", register=named, who=who(by)) if by else named
    if kind == "product":
        return _("Part of the filter, in every home")
    return plain(text)


def drive_name(folder: str) -> str:
    """Return a drive's name: the last part of the folder where it is mounted, ``usb`` of ``/mnt/usb``."""
    return plain(folder.rstrip("/").rpartition("/")[2])


def size(count: int) -> str:
    """Return a number of bytes in words: ``0.4 MB``, ``12 MB`` or ``23.5 GB``."""
    megabytes = count / 1_000_000
    if megabytes >= 1000:
        return _("%(num)s GB", num=number(megabytes / 1000, 1))
    return _("%(num)s MB", num=number(megabytes, 0 if megabytes >= 10 else 1))


def number(value: float, places: int) -> str:
    """Return a number with ``places`` decimals and the decimal mark of the reader's language."""
    # Translators: the sign between whole numbers and tenths: a point or a comma.
    return f"{value:.{places}f}".replace(".", pgettext("decimal mark", "."))


def listed(parts: Iterable[str]) -> str:
    """Return texts joined to a list: ``a``, ``a and b``, ``a, b and c``."""
    found = list(parts)
    if len(found) < 2:
        return "".join(found)
    # Translators: the end of a list: "games, video and music".
    return _("%(before)s and %(last)s", before=", ".join(found[:-1]), last=found[-1])


def kind(known: str) -> str:
    """Return the name of a device type such as ``phone``; empty if it is unknown."""
    names = {
        "phone": _("phone"),
        "tablet": _("tablet"),
        "tv": _("television"),
        "console": _("game console"),
        "computer": _("computer"),
        "speaker": _("smart speaker"),
        "thing": _("printer, lamp or other device"),
    }
    return names.get(known, "")
