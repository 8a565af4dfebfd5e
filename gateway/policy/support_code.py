"""The support code: the first facts that telephone support needs.

``0.1.0-WNK0`` is the version, a hyphen, and four characters; docs/families/support-code.md explains each. A
character never changes its meaning, and none is about a person, a device or a site.
"""

from __future__ import annotations

INTERNET = {"works": "W", "down": "D"}
UNKNOWN = "U"
RUNS, OFF, STOPPED = "N", "F", "S"
CLOCK_KNOWN = "K"
MOST_PROBLEMS = 9  # nine or more


def support_code(version: str, *, internet: str, off: bool, clock_known: bool, problems: int) -> str:
    """Return the support code of a running filter, such as ``0.1.0-WNK0``.

    ``internet``: "works", "down" or other for unknown. ``off``: filtering is switched off. ``problems``:
    their number; above 9 it is shown as 9.
    """
    line, state = INTERNET.get(internet, UNKNOWN), OFF if off else RUNS
    clock = CLOCK_KNOWN if clock_known else UNKNOWN
    return f"{version}-{line}{state}{clock}{min(problems, MOST_PROBLEMS)}"


def stopped_code(version: str) -> str:
    """Return the support code for a filter that does not respond, such as ``0.1.0-USU0``."""
    return f"{version}-{UNKNOWN}{STOPPED}{UNKNOWN}0"
