"""The internet provider's stop of the filter, which `provider.stop_until` in the router's settings begins.

It lasts at most a day and ends at its time. The next can begin a day after its end. Each one is in the audit
log and reported to the guardians.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from gateway.household.context import Effects, HomeContext
from gateway.household.members import PROVIDER
from gateway.policy.config.provider_stop import BETWEEN_STOPS, LONGEST_STOP
from gateway.policy.time.clock_changes import later
from gateway.store.tables.pauses import PauseTable

CONNECTED_AFTER = 60.0  # seconds after the daemon's start: the web process receives events by then

log = logging.getLogger(__name__)


class ProviderStop:
    """Switches the filter off and on again when the provider's setting `provider.stop_until` changes.

    The state is the same as that of a parent's `off`.
    """

    def __init__(self, home: HomeContext, effects: Effects, pauses: PauseTable) -> None:
        self._home = home
        self._effects = effects
        self._pauses = pauses

    def start(self) -> None:
        self.reloaded(notice_after=CONNECTED_AFTER)

    def reloaded(self, notice_after: float = 0.0) -> None:
        """Begin, change or end a stop as the present setting says. It ends if the setting has gone or passed.

        A setting that was applied or refused before changes nothing. A stop less than a day after the last
        one's end is refused. ``notice_after``: seconds until the guardians are notified of a stop.
        """
        now, last = self._home.local_now(), self._pauses.last_stop
        asked = self._home.rules.household.config.stop_until
        if asked == (None if last is None else last.asked):
            return
        if asked is None or asked <= now:
            if asked is not None:
                log.warning("provider.stop_until has passed: %s. The filter runs.", asked.isoformat())
            if last is not None and self._pauses.end_stop(by=PROVIDER, at=now):
                self._apply()
                self._home.publish("status", what="on", until=None, by=PROVIDER)
        elif last is None or now >= last.ends + BETWEEN_STOPS:
            self._stop(now, asked, now, notice_after)
        elif now < last.ends:
            self._stop(last.since, asked, now, notice_after)
        else:
            self._refuse(last.ends, asked, now)

    def _stop(self, since: datetime, asked: datetime, now: datetime, notice_after: float) -> None:
        """Begin a stop, or change the end of one that began at ``since``: a day after that at the latest."""
        until = later(min(since, now).astimezone(now.tzinfo), LONGEST_STOP)
        if asked > until:
            log.warning(
                "provider.stop_until is more than 24 hours after the stop began: it ends at %s.", until
            )
        asked, clock_trusted = asked.astimezone(now.tzinfo), self._home.clock_trusted
        self._pauses.stop(
            since=since, until=until, asked=asked, by=PROVIDER, at=now, clock_trusted=clock_trusted
        )
        self._apply()
        ends = min(until, asked)
        notify = partial(self._home.publish, "status", what="stop", until=ends, by=PROVIDER)
        self._home.loop.call_later(notice_after, notify)

    def _refuse(self, ended: datetime, asked: datetime, now: datetime) -> None:
        """Leave the filter on, with an audit line: the last stop ``ended`` less than a day ago."""
        earliest = later(ended.astimezone(now.tzinfo), BETWEEN_STOPS)
        log.warning(
            "provider.stop_until refused: the last stop ended less than 24 hours ago. The filter runs. A new"
            " value can stop it from %s.",
            earliest.isoformat(timespec="minutes"),
        )
        self._pauses.refuse_stop(asked=asked.astimezone(now.tzinfo), by=PROVIDER, at=now)

    def _apply(self) -> None:
        self._effects.sync_gates()
        self._effects.rejudge()
