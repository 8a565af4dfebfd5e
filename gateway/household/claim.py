"""Tracks whether a family has claimed the gateway.

Before that, no device is recorded, and only the lists for everyone (such as malware) apply.

The gateway is unclaimed while it has no guardian, no person's profile and no recorded device. Only a reset
makes it unclaimed again; removing the last guardian does not.

To become the first guardian, the user enters the code on the gateway's label. A manufacturer that prints
labels writes the code to a file in the state directory before the first start. Otherwise the gateway
generates a code and shows it on its console. If children have rules already, the button has to be pressed
too.
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

LABEL = "label"  # file with the code, in the state directory
SHORTEST, LONGEST = 8, 40  # of a manufacturer's code: least letters and digits, most characters

_log = logging.getLogger(__name__)


class Claim:
    """Tracks whether the gateway is claimed: it has a guardian, a person's profile or recorded devices.

    ``claimed`` is called once, when the gateway is claimed while the daemon runs. ``lost``: at this
    start, the database could not be used.
    """

    def __init__(
        self, store: Store, rules: RuleBook, bus: Bus, claimed: Callable[[], None], *, lost: bool = False
    ) -> None:
        self._store = store
        self._rules = rules
        self._claimed = claimed
        # Devices that are present at the first start are recorded as such. After the loss of the database,
        # that would leave a child's device unfiltered.
        self.first = not lost and not store.slots.all() and not store.devices.all()
        self.unclaimed = self.first and not self._has_family()
        bus.subscribe(AccountsChanged, self._check)
        bus.subscribe(RulesRead, self._check)

    def _has_family(self) -> bool:
        return self._store.people.claimed or self._rules.household.inhabited

    def _check(self, _: AccountsChanged | RulesRead) -> None:
        if self.unclaimed and self._has_family():
            self.unclaimed = False
            self._claimed()

    @property
    def household(self) -> Household:
        """The household whose rules apply to devices.

        While unclaimed (no family has set the gateway up), it filters no device without an owner.
        """
        household = self._rules.household
        return household.unclaimed if self.unclaimed else household


def label(state: Path) -> str:
    """Return the claim code in its printed form. If ``state`` has no valid one, generate and store one.

    If the file cannot be written, the next start generates another code.
    """
    path = state / LABEL
    found = _read_label(path)
    if found:
        return found
    made = printed_code(new_code(secrets.choice))
    try:
        write_atomically(path, f"{made}\n".encode())
    except OSError as error:
        why = write_error_text(error)
        _log.error("Writing %s failed: %s. The next start generates another code.", path, why)
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
        _log.error("%s: not a code of %d to %d letters. Another code is generated.", path, SHORTEST, LONGEST)
        return ""
    return text
