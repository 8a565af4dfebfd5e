"""From which log level of a profile on what is kept and told to a guardian; each includes those below."""

from __future__ import annotations

KINDS_LEVEL = 1  # that something was refused, of which kind, on which day
NAMES_LEVEL = 2  # by which name and at what time
VISITS_LEVEL = 3  # and the names of what was open
