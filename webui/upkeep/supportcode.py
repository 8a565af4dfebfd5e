"""The support code at the foot of every page: the first facts that telephone support needs.

``0.1.0-WNK0`` is the version, a hyphen, and four characters; docs/families/support-code.md explains each. A
character never changes its meaning, and none is about a person, a device or a site.
"""

from __future__ import annotations

from gateway import __version__
from webui.features.status.home_text import HomeView

INTERNET = {"works": "W", "down": "D"}
UNKNOWN = "U"
RUNS, OFF, STOPPED = "N", "F", "S"
CLOCK_KNOWN = "K"
MOST_PROBLEMS = 9  # nine or more


def code(home: HomeView | None) -> str:
    """Return the support code for the state of the home. None: the daemon does not respond."""
    if home is None:
        return f"{__version__}-{UNKNOWN}{STOPPED}{UNKNOWN}0"
    internet = INTERNET.get(home.status.internet, UNKNOWN)
    clock = CLOCK_KNOWN if home.status.clock.known else UNKNOWN
    problems = min(len(home.status.problems), MOST_PROBLEMS)
    return f"{home.status.version or __version__}-{internet}{OFF if home.off else RUNS}{clock}{problems}"
