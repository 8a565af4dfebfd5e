"""Pending notifications, and when each may be sent. Pure: times are arguments.

A recipient gets at most one message of a kind a minute; further events are counted into the next message. In
quiet hours only the kinds that were chosen for them are sent; the rest follows once, at their end. A failed
message is retried with increasing delays, and dropped after the last attempt or if the error is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from gateway.policy.time.time_text import clock_span
from webui.messages.recipients import Recipient

GATHER = 3.0  # seconds: events in this time share a message
PACE = 60.0  # seconds between two messages of one kind
RETRIES = (10.0, 30.0, 120.0, 600.0)  # seconds until each retry
SUNDAY, WEEK_AT = 6, time(18)  # when the message about the last seven days is sent
MOST = 999  # maximum of a count

Key = tuple[str, str]  # `Recipient.key`


@dataclass(slots=True)
class Waiting:
    due: float  # seconds of a monotonic clock
    count: int = 0  # events, up to MOST
    what: str = ""  # subtype of the last event
    names: str = ""  # of the last event
    tries: int = 0  # that failed
    out: bool = False  # is being sent


@dataclass(frozen=True, slots=True)
class Letter:
    to: Recipient
    kind: str
    what: str
    names: str
    count: int


class Outbox:
    """Messages that wait to be sent: at most one for each recipient and kind, which bounds their number.

    Further events of the kind are counted in the waiting message; names are those of the last
    event.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[Key, str], Waiting] = {}
        self._sent: dict[tuple[Key, str], float] = {}

    def note(self, recipients: Iterable[Recipient], kind: str, what: str, names: str, now: float) -> None:
        for recipient in recipients:
            if kind not in recipient.kinds:
                continue
            key = (recipient.key, kind)
            due = max(now + GATHER, self._sent.get(key, now - PACE) + PACE)
            waiting = self._waiting.setdefault(key, Waiting(due))
            waiting.count = min(waiting.count + 1, MOST)
            waiting.what, waiting.names = what, names

    def due(self, by_key: Mapping[Key, Recipient], now: float, local: datetime) -> list[Letter]:
        """Return the messages to send now, and mark them as being sent. Call ``sent`` or ``failed`` for each.

        Messages without a current recipient, or of a kind that it no longer wants, are dropped.
        ``by_key``: the recipients. ``now``: seconds of a monotonic clock. ``local``: the home's time,
        for the quiet hours.
        """
        found = []
        for key, waiting in tuple(self._waiting.items()):
            recipient, kind = key
            to = by_key.get(recipient)
            if to is None or kind not in to.kinds:
                del self._waiting[key]
            elif (
                not waiting.out
                and waiting.due <= now
                and (kind in to.at_night or not is_quiet(to.quiet, local))
            ):
                waiting.out = True
                found.append(Letter(to, kind, waiting.what, waiting.names, waiting.count))
        return found

    def sent(self, letter: Letter, now: float) -> None:
        """Remove a message that was sent at ``now``. Events that arrived meanwhile stay for the next one."""
        self._sent[letter.to.key, letter.kind] = now
        self._remove(letter, now)

    def failed(self, letter: Letter, now: float, *, final: bool) -> None:
        """Retry a message that failed at ``now``. ``final``: a retry would fail too, so remove it.

        After the last retry it is removed too. Events that arrived meanwhile stay for the next message.
        """
        waiting = self._waiting.get((letter.to.key, letter.kind))
        if waiting is None:
            return
        if final or waiting.tries >= len(RETRIES):
            self._remove(letter, now)
            return
        waiting.due, waiting.out = now + RETRIES[waiting.tries], False
        waiting.tries += 1

    def _remove(self, letter: Letter, now: float) -> None:
        """Remove a message. Events that it did not count become a new one, due after PACE seconds."""
        key = (letter.to.key, letter.kind)
        waiting = self._waiting.pop(key, None)
        if waiting is not None and waiting.count > letter.count:
            left = waiting.count - letter.count
            self._waiting[key] = Waiting(now + PACE, left, waiting.what, waiting.names)


def is_quiet(hours: str, local: datetime) -> bool:
    """Return whether a local time is in the quiet ``hours``, a text such as ``22:00-07:00``.

    The start is included, the end is not. They may be across midnight.
    """
    start, end = clock_span(hours)
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start < end else minute >= start or minute < end


def is_week_over(before: datetime, local: datetime) -> bool:
    """Return whether the time of the weekly message, Sunday at 18:00, was reached since ``before``.

    Both arguments are local times. False if they are an hour or more apart, as after the clock was set.
    """
    moment = datetime.combine(local.date(), WEEK_AT, local.tzinfo)
    return local.weekday() == SUNDAY and before < moment <= local and local - before < timedelta(hours=1)
