"""The internet provider's stop of the filter, which `provider.stop_until` in the router's settings begins.

It lasts at most a day and ends at its time. Each one is in the audit log and reported to the guardians.
"""

from __future__ import annotations

import logging
from functools import partial

from gateway.household.context import Effects, HomeContext
from gateway.household.members import PROVIDER
from gateway.policy.config.provider_stop import LONGEST_STOP
from gateway.policy.time.clock_changes import later
from gateway.store.tables.pauses import PauseTable

CONNECTED_AFTER = 60.0  # seconds after the daemon's start: the pages listen to events by then

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
        """Apply the present setting: begin a stop, or end it if the setting is gone or has passed.

        One that was applied before changes nothing. ``notice_after``: seconds until the guardians are
        notified of a new stop.
        """
        pauses, now = self._pauses, self._home.local_now()
        asked = self._home.rules.household.config.stop_until
        if asked is not None and asked == pauses.stop_asked:
            return
        if asked is None or asked <= now:
            if asked is not None:
                log.warning("provider.stop_until has passed: %s. The filter runs.", asked.isoformat())
            if pauses.stop_asked is not None:
                pauses.end_stop(by=PROVIDER, at=now)
                self._apply()
                self._home.publish("status", what="on", until=None, by=PROVIDER)
            return
        until = later(now, LONGEST_STOP)
        if asked > until:
            log.warning("provider.stop_until is more than 24 hours ahead: the stop ends at %s.", until)
        asked, sure = asked.astimezone(now.tzinfo), self._home.clock_trusted
        pauses.stop(until=until, asked=asked, by=PROVIDER, at=now, sure=sure)
        self._apply()
        ends = min(until, asked)
        notify = partial(self._home.publish, "status", what="stop", until=ends, by=PROVIDER)
        self._home.loop.call_later(notice_after, notify)

    def _apply(self) -> None:
        self._effects.sync_gates()
        self._effects.rejudge()
