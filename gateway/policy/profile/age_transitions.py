"""Moves a child to the next age group (a *step*): proposed, postponed, taken. See docs/families/growing.md.

Pure: takes a date, returns what to do. Of a child's age only the age group and the month of the next step are
known. The pages import this module: it must not import the YAML library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from gateway.age.bands import AgeBand
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.time.clock_changes import Jump

ANSWER_DAYS = 30  # days that a proposal waits for an answer
NOTICE_DAYS = (
    3  # at least, from the proposal to the end of control at 18: time to read it and to notice a wrong clock
)
MOST_MONTHS = 6  # by which a step can be postponed, once
SHOWN_DAYS = 30  # days for which the pages show a step that was taken
AWAY = timedelta(days=2)  # after a longer gap, the gateway was off and the proposal could not be read
DAY = timedelta(days=1)
REASON_LIMIT = 200  # characters
KEPT_KEYS = ("name", "devices")  # keys that remain in an adult's file

FARTHEST = 18  # sensible years ahead: a newborn's last step
_MONTH = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])", re.ASCII)


class TransitionState(StrEnum):
    OPEN = "open"  # proposed or postponed
    TAKING = "taking"  # the file is being written
    TAKEN = "taken"


class TransitionStage(StrEnum):
    """How the pages show a child's change to the next age group."""

    NONE = "none"
    PROPOSED = "proposed"
    POSTPONED = "postponed"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class LastTransition:
    """A child's latest change to the next age group: its month, state, and any postponement.

    Times are aware.
    """

    profile: str
    name: str  # used when the profile no longer exists
    band: AgeBand  # before the step
    month: str  # of the step, as in the file
    since: datetime  # since when the proposal could be read; days while the gateway was off do not count
    seen: datetime  # approximate time of the last check
    state: TransitionState = TransitionState.OPEN
    until: str = ""  # the month to which it was postponed
    reason: str = ""
    put_off_by: str = ""
    taken: datetime | None = None
    by: str = ""  # the person who took it
    undo: int = 0  # the revision of the file before the step
    revision: int = 0  # and after it

    @property
    def then(self) -> AgeBand:
        """The age group after the change."""
        return next_band(self.band) or AgeBand.ADULT

    @property
    def is_final(self) -> bool:
        """True if the next age group is adult: control ends."""
        return self.then is AgeBand.ADULT

    def is_of(self, band: AgeBand, month: str | None) -> bool:
        """Return True if this is the change that awaits a profile with this age group in ``month``.

        ``month``: that of the profile's next change, such as ``2027-05``; None if it has none.
        """
        return self.band is band and self.month == month


@dataclass(frozen=True, slots=True)
class TransitionCheck:
    """The result of a check: the change of age group to store, or None, and whether it must be made now."""

    kept: LastTransition | None
    due: bool = False


def months_on(month: date, months: int) -> date:
    """Return the first day of the month that is ``months`` after that of ``month``."""
    years, index = divmod(month.year * 12 + month.month - 1 + months, 12)
    return date(years, index + 1, 1)


def is_about(step: LastTransition, band: AgeBand, month: str | None) -> bool:
    """Return True if a stored change fits a profile's age group and month.

    The profile still awaits it, or has the next age group if the change was made.
    """
    if step.state is TransitionState.TAKEN:
        return band is step.then
    return step.is_of(band, month)


def month_of(text: str) -> date:
    """Return the first day of a month such as ``2027-05``, which must be valid."""
    found = read_month(text)
    assert found is not None
    return found


def month_after(band: AgeBand, month: str) -> str | None:
    """Return the month, such as ``2027-05``, in which the age group ``band`` ends if it begins in ``month``.

    None for the last age group, or if the result is outside the years that `read_month` accepts.
    """
    first, last = band.ages
    if last is None:
        return None
    then = months_on(month_of(month), 12 * (last + 1 - first))
    return month_text(then) if read_month(month_text(then)) is not None else None


def due_day(step: LastTransition, begun: date) -> date:
    """Return the day on which a change of age group is made if no guardian answers.

    It is ANSWER_DAYS after ``begun``, the local day of ``since``. A postponed change is made on the first day
    of the chosen month. The change to adult is made ANSWER_DAYS after the first day of its month if that is
    earlier, but at least NOTICE_DAYS after ``begun``.
    """
    # False if the change was made in that month and a guardian restored the earlier file: new days count.
    if _answers_by_month(step, begun):
        return month_of(step.until)
    if not step.is_final:
        return begun + ANSWER_DAYS * DAY
    by_calendar = month_of(step.month) + ANSWER_DAYS * DAY
    return max(begun + NOTICE_DAYS * DAY, min(begun + ANSWER_DAYS * DAY, by_calendar))


def check_step(
    profile: str, name: str, band: AgeBand, month: str | None, kept: LastTransition | None, now: datetime
) -> TransitionCheck:
    """Return the change of age group to store for one profile, and whether it must be made now.

    ``month``: the month in which the profile's next age group begins, or None. ``kept``: the stored change,
    or None. ``now``: local time of a trusted clock.
    """
    if kept is not None and kept.state is TransitionState.TAKING:
        return TransitionCheck(kept, due=True)  # the daemon was killed in between
    if kept is not None and kept.state is TransitionState.TAKEN and not kept.is_of(band, month):
        known = replace(kept, name=name)
        if month is None or next_band(band) is None or now.date() < month_of(month):
            return TransitionCheck(None if _is_forgotten(known, now) else known)
        kept = None
    if kept is not None and kept.state is TransitionState.OPEN and kept.is_final and band is AgeBand.ADULT:
        return TransitionCheck(kept, due=True)  # a guardian wrote it into the file, which is an approval
    if month is None or next_band(band) is None:
        return TransitionCheck(None)
    if kept is None or not kept.is_of(band, month):
        return TransitionCheck(
            LastTransition(profile, name, band, month, now, now) if now.date() >= month_of(month) else None
        )
    if now.date() < month_of(month):
        return TransitionCheck(kept if kept.until else None)  # the clock was ahead before
    if kept.state is TransitionState.TAKEN:  # a guardian restored the earlier file
        kept = replace(_reopened(kept, now), since=now)
    if kept.since > now:  # the clock was set back while the daemon was off: wait no longer than promised
        kept = replace(kept, since=now)
    if not timedelta() <= now - kept.seen < DAY or kept.name != name:
        kept = replace(kept, seen=now, name=name)
    return TransitionCheck(kept, due=now.date() >= due_day(kept, kept.since.astimezone(now.tzinfo).date()))


def _is_forgotten(step: LastTransition, now: datetime) -> bool:
    """Return True if a change to adult was made so long ago that it is no longer shown or stored."""
    return step.is_final and (step.taken is None or now - step.taken > SHOWN_DAYS * DAY)


def resumed(step: LastTransition, now: datetime) -> LastTransition:
    """Return the stored change as it is after a start of the daemon.

    If the gateway was off for longer than AWAY, that time does not count as days for an answer, unless the
    change was postponed.
    """
    gone = now - step.seen
    if step.state is not TransitionState.OPEN or gone <= AWAY:
        return step
    if step.until:
        return replace(step, seen=now)  # the chosen month was the answer
    return replace(step, since=step.since + gone, seen=now)


def after_jump(step: LastTransition, jump: Jump) -> LastTransition:
    """Return the change of age group with its times adjusted to a clock change.

    The days left for an answer, and the time since a change that was made, stay the same. A month to which
    it was postponed stays the answer. A jump of a day ahead may be a mistake, and at 18 the calendar would
    make the change before it is noticed. It then waits at least a day, even if the gateway restarts.

    Times change by whole seconds, as they are stored. Fractions would make the same proposal look different.
    """
    size = timedelta(seconds=round(jump.size.total_seconds()))
    taken = None if step.taken is None else step.taken + size
    since = step.since if _answers_by_month(step, step.since.date()) else step.since + size
    if step.is_final and step.state is TransitionState.OPEN and size >= DAY:
        since = max(since, jump.after.replace(microsecond=0) - (NOTICE_DAYS - 1) * DAY)
    return replace(step, since=since, seen=step.seen + size, taken=taken)


def _answers_by_month(step: LastTransition, begun: date) -> bool:
    """Return True if the change was postponed and waits only for the chosen month.

    ``begun``: the day from which days for an answer count.
    """
    return bool(step.until) and begun < month_of(step.until)


def stage(step: LastTransition | None, now: datetime) -> TransitionStage:
    """Return how the pages show a change of age group. ``now``: local."""
    if step is None:
        return TransitionStage.NONE
    if step.state is TransitionState.TAKEN:
        recent = step.taken is not None and now - step.taken <= SHOWN_DAYS * DAY
        return TransitionStage.TAKEN if recent else TransitionStage.NONE
    return (
        TransitionStage.POSTPONED
        if step.until and now.date() < month_of(step.until)
        else TransitionStage.PROPOSED
    )


def later_months(step: LastTransition, today: date) -> tuple[str, ...]:
    """Return the months to which a guardian can postpone the change; () if it cannot be postponed.

    It can be postponed once, also after it was made, but not the one to adult.
    """
    if step.is_final or step.until or step.state is TransitionState.TAKING:
        return ()
    first = month_of(step.month)
    months = (months_on(first, number) for number in range(1, MOST_MONTHS + 1))
    return tuple(month_text(later) for later in months if later > today and read_month(month_text(later)))


def postponed(step: LastTransition, until: str, reason: str, by: str, now: datetime) -> LastTransition:
    """Return the change of age group, postponed by a guardian to the month ``until``. ``now``: local.

    Raises ControlError if it cannot be postponed to that month, or the reason is missing or too long.
    """
    if step.is_final:
        raise ControlError.of(Code.ADULT_NEXT, name=step.name)
    if until not in later_months(step, now.date()):
        raise ControlError.of(Code.NOT_LATER, name=step.name)
    if not reason.strip() or len(reason) > REASON_LIMIT:
        raise ControlError.of(Code.NO_REASON, most=REASON_LIMIT)
    return replace(_reopened(step, now), until=until, reason=reason.strip(), put_off_by=by)


def _reopened(step: LastTransition, now: datetime) -> LastTransition:
    return replace(step, state=TransitionState.OPEN, seen=now, taken=None, by="", undo=0, revision=0)


def changes(step: LastTransition, said: Mapping[str, object]) -> dict[str, object]:
    """Return the edits of the child's file that make the change of age group; None removes a key.

    ``said``: the content of the file. Other settings of the family stay; in the change to adult all are
    removed except name and devices.
    """
    if step.is_final:
        gone = {key: None for key in said if key not in (*KEPT_KEYS, "band")}
        return {**gone, "band": AgeBand.ADULT.value}
    return {"band": step.then.value, "next_step": month_after(step.then, step.month)}


def has_happened(step: LastTransition, said: Mapping[str, object]) -> bool:
    """Return True if the file, with the content ``said``, already is as the change of age group leaves it."""
    return all(said.get(key) == value for key, value in changes(step, said).items())


def read_month(text: str) -> date | None:
    """Return the first day of a month such as ``2027-05`` (2000 to 2099); None for any other text."""
    found = _MONTH.fullmatch(text)
    return date(int(found[1]), int(found[2]), 1) if found else None


def month_text(month: date) -> str:
    return f"{month:%Y-%m}"


def makes_sense(month: date, today: date) -> bool:
    """Return True if a change of age group can be in this month.

    It can be in the present month or later, at most FARTHEST years ahead.
    """
    first = today.replace(day=1)
    return first <= month <= first.replace(year=first.year + FARTHEST)


def next_band(band: AgeBand) -> AgeBand | None:
    """Return the age group after this one; None for the last."""
    return next((following for following in AgeBand if following.rank == band.rank + 1), None)
