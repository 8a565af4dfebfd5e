"""The code on the gateway's label: made once and kept in a file of the state directory.

A maker that prints a label writes its code there before the first start; else the gateway makes one and says
it on its console. It opens nothing by itself once there is a guardian: the button has to be pressed as well.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded, write_atomically, write_error_text
from gateway.policy.requests.tickets import new_code, printed_code

LABEL = "label"
SHORTEST, LONGEST = 8, 40  # letters and digits of a maker's code

_log = logging.getLogger(__name__)


def label(state: Path) -> str:
    """As it is printed. Where the file cannot be written it is another one at the next start."""
    path = state / LABEL
    found = _kept(path)
    if found:
        return found
    made = printed_code(new_code(secrets.choice))
    try:
        write_atomically(path, f"{made}\n".encode())
    except OSError as error:
        _log.error("%s: %s; the label's code is another one at the next start", path, write_error_text(error))
    return made


def _kept(path: Path) -> str:
    if not path.exists():
        return ""
    try:
        lines = read_bounded(path, 1024).decode("ascii", "replace").split("\n")
    except PolicyError as error:
        _log.error("%s", error)
        return ""
    text = lines[0].strip()
    if not text.isprintable() or not SHORTEST <= sum(one.isalnum() for one in text) <= len(text) <= LONGEST:
        _log.error("%s: is no code of %d to %d letters; another one is made", path, SHORTEST, LONGEST)
        return ""
    return text
