"""The code on the gateway's label, in a file of the state directory.

A manufacturer that prints labels writes the code there before the first start; otherwise the gateway makes
one and shows it on its console. Once there is a guardian, the code is not enough: the button must be pressed
too.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded, write_atomically, write_error_text
from gateway.policy.requests.tickets import new_code, printed_code

LABEL = "label"
SHORTEST, LONGEST = 8, 40  # letters and digits of a manufacturer's code

_log = logging.getLogger(__name__)


def label(state: Path) -> str:
    """Return the code as it is printed. If the file cannot be written, the next start makes another one."""
    path = state / LABEL
    found = _kept(path)
    if found:
        return found
    made = printed_code(new_code(secrets.choice))
    try:
        write_atomically(path, f"{made}\n".encode())
    except OSError as error:
        _log.error("Writing %s failed: %s. The next start makes another code.", path, write_error_text(error))
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
    if (
        not text.isprintable()
        or not SHORTEST <= sum(letter.isalnum() for letter in text) <= len(text) <= LONGEST
    ):
        _log.error("%s: not a code of %d to %d letters. Another one is made.", path, SHORTEST, LONGEST)
        return ""
    return text
