"""The state of the signed data feed, for the pages and `qalqan status`."""

from __future__ import annotations

from pathlib import Path

from gateway.control.contract.lists import FeedState
from gateway.feed.status import read_check
from gateway.household.context import HomeContext


def feed_state(home: HomeContext) -> FeedState | None:
    """Return the version of the data in use, the last successful check of the feed, and the last problem.

    The time is local. None if no feed is configured.
    """
    config, data = home.rules.household.config, home.rules.product.data
    if config.feed is None:
        return None
    check = read_check(Path(config.state))
    checked = None if check.succeeded is None else check.succeeded.astimezone(config.zone)
    return FeedState(version=data.version, packaged=data.is_packaged, checked=checked, problem=check.problem)
