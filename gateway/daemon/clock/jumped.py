"""What follows a jump of the clock, in all that has a moment in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.jumps import Jump

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


def jumped(daemon: Daemon, jump: Jump) -> None:
    """The clock was set, or became known."""
    daemon.sharing.shift(jump)
    daemon.growing.shift(jump)
    opened_or_shut = daemon.adults.shift(jump)
    if daemon.answers.shift(jump) or opened_or_shut:
        daemon.reassign()
    daemon.enforcer.sync()
    daemon.enforcer.renew()
    daemon.journal.recent.shift(jump.size)
    daemon.answers.look()
    daemon.warnings.look()
    daemon.growing.look()
    daemon.journal.status_changed(frozenset(daemon.family.members))
