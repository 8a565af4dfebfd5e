"""Words for a moment: a time today, tomorrow, on a weekday, or on a date."""

from __future__ import annotations

from datetime import date, datetime

from gateway.policy.language import Language


def clock(moment: datetime, now: datetime, language: Language) -> str:
    """Return a time for a sentence: ``20:45`` if today, ``midnight`` if that of tonight, else with its day.

    With its day it is ``07:00 tomorrow``, ``07:00 on Tuesday`` (within a week) or ``07:00 on 24 December``.
    It is in the zone of ``now``.
    """
    _ = language.gettext
    moment = moment.astimezone(now.tzinfo)
    time = moment.strftime("%H:%M")
    days = (moment.date() - now.date()).days
    if days == 0:
        return time
    if days == 1 and time == "00:00":
        return _("midnight")
    if days == 1:
        return _("%(time)s tomorrow", time=time)
    if 1 < days < 7:
        # Translators: %(day)s is "on Tuesday".
        return _("%(time)s %(day)s", time=time, day=on_weekday(moment, language))
    # Translators: %(date)s is "24 December".
    return _("%(time)s on %(date)s", time=time, date=day_of(moment, now, language))


def on_weekday(moment: date, language: Language) -> str:
    """Return the weekday of a date for a sentence, such as ``on Tuesday``."""
    _ = language.gettext
    # Translators: a day of this week, in the past or to come, as in "Mum set this on Monday".
    return (
        _("on Monday"), _("on Tuesday"), _("on Wednesday"), _("on Thursday"), _("on Friday"),
        _("on Saturday"), _("on Sunday"),
    )[moment.weekday()]  # fmt: skip


def day_of(moment: date, now: date, language: Language) -> str:
    """Return a date such as ``24 December``, or ``3 January 2027`` if ``now`` is in another year."""
    _ = language.gettext
    # Translators: a day of the year, as in "good until 24 December".
    shown = (
        _("%(day)d January"), _("%(day)d February"), _("%(day)d March"), _("%(day)d April"),
        _("%(day)d May"), _("%(day)d June"), _("%(day)d July"), _("%(day)d August"),
        _("%(day)d September"), _("%(day)d October"), _("%(day)d November"), _("%(day)d December"),
    )[moment.month - 1] % {"day": moment.day}  # fmt: skip
    return shown if moment.year == now.year else _("%(date)s %(year)d", date=shown, year=moment.year)


def unknown_time(language: Language) -> str:
    """Return the sentence that warns that the time is not known, so that bedtimes and limits may be wrong."""
    _ = language.gettext
    return _(
        "The time is not known yet, so bedtimes and limits may be wrong. The gateway learns it from "
        "the internet."
    )
