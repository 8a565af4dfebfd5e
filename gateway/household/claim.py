"""The claim of a gateway by a family. Until then no device is filtered and none is recorded.

The gateway is unclaimed while it has no guardian, no child's profile and no device recorded earlier. Removing
the last guardian later does not make it unclaimed again; only a reset does.

The code on the gateway's label proves the claim. A manufacturer that prints labels writes the code to a file
of the state directory before the first start; otherwise the gateway makes one and shows it on its console.
Once there is a guardian, the code is not enough: the button must be pressed too.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from gateway.core.bus import Bus
from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded, write_atomically, write_error_text
from gateway.household.rule_book import RuleBook, RulesRead
from gateway.policy.profile.household import Household
from gateway.policy.requests.tickets import new_code, printed_code
from gateway.store.store import Store
from gateway.store.tables.people import AccountsChanged

LABEL = "label"  # file with the code
SHORTEST, LONGEST = 8, 40  # letters and digits of a manufacturer's code

_log = logging.getLogger(__name__)


class Claim:
    """Knows whether the gateway is claimed. ``claimed`` is called once, if that happens while the daemon
    runs.
    """

    def __init__(self, store: Store, rules: RuleBook, bus: Bus, claimed: Callable[[], None]) -> None:
        self._store = store
        self._rules = rules
        self._claimed = claimed
        # Devices that are here before anything was stored stay unfiltered.
        self.first = not store.slots() and not store.devices.all()
        self.unclaimed = self.first and not self._has_family()
        bus.subscribe(AccountsChanged, self._look)
        bus.subscribe(RulesRead, self._look)

    def _has_family(self) -> bool:
        return self._store.people.claimed or self._rules.household.inhabited

    def _look(self, _: AccountsChanged | RulesRead) -> None:
        if self.unclaimed and self._has_family():
            self.unclaimed = False
            self._claimed()

    @property
    def household(self) -> Household:
        """Return the household by which devices get their rules."""
        household = self._rules.household
        return household.unclaimed if self.unclaimed else household


def label(state: Path) -> str:
    """Return the code as it is printed. If the file cannot be written, the next start makes another one."""
    path = state / LABEL
    found = _read_label(path)
    if found:
        return found
    made = printed_code(new_code(secrets.choice))
    try:
        write_atomically(path, f"{made}\n".encode())
    except OSError as error:
        _log.error("Writing %s failed: %s. The next start makes another code.", path, write_error_text(error))
    return made


def _read_label(path: Path) -> str:
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
