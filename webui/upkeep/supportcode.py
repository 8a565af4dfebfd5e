"""The support code at the foot of every page."""

from __future__ import annotations

from gateway import __version__
from gateway.policy.support_code import stopped_code, support_code
from webui.features.status.home_text import HomeView


def code(home: HomeView | None) -> str:
    """Return the support code: a few characters with the version and state of the gateway.

    ``home``: None if the daemon does not respond.
    """
    if home is None:
        return stopped_code(__version__)
    status = home.status
    return support_code(
        status.version or __version__,
        internet=status.internet,
        off=home.off,
        clock_known=status.clock.known,
        problems=len(status.problems),
    )
