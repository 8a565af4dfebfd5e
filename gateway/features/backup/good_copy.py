"""Keeps a copy of accounts and device owners next to the database, and uses it if the database is lost.

The copy has those rows of a backup that rarely change: accounts, names and places of devices, PINs, age
groups, postponed age transitions, and times that children set. It also has the second factors of accounts:
without them, a lost database would turn them off. It is written only when these have changed, and only root
and the daemon can read it, like the database.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Set
from dataclasses import asdict, replace
from pathlib import Path

from gateway import __version__
from gateway.core.errors import ControlError, GatewayError
from gateway.core.files import read_bounded, write_atomically, write_error_text
from gateway.core.loop import Timer
from gateway.core.throttle import Throttle
from gateway.features.backup.contents import kept_rows
from gateway.features.backup.restore import write_rows
from gateway.features.backup.restore_plan import AFTER, rows_plan
from gateway.household.context import HomeContext
from gateway.policy.accounts.people import ANNOUNCED_FOR, Announcement, AnnouncementKind
from gateway.policy.profile.backup_format import Backup, FactorPart, KeptFactor, backup_text, parse_backup
from gateway.store.store import ActivityErased, Store
from gateway.store.tables.people import AccountsChanged

FILE = "accounts.good"  # in the state directory
ROWS = ("people", "devices", "pins", "self_set", "bands", "steps")  # of a backup
ALL_ROWS = (*ROWS, "factors")
MOST = 1 << 20  # bytes of the file
SOON = 5.0  # seconds after a change of an account
BY = "router"  # in the audit log

_REST = "Sessions, extra time, pauses, requests, activity and the audit log"
# The problem lines by the kind of loss, which the announcement has in place of a device. ``at``: its time.
_LINES = {
    "missing": "The database was missing at the start on {at}. Accounts, PINs and device owners come from "
    f"the last good copy. {_REST} are lost.",
    "damaged": "The database was damaged at the start on {at}. Accounts, PINs and device owners that could "
    f"not be read come from the last good copy. {_REST} may have gaps.",
    "damaged, no copy": "The database was damaged at the start on {at}, and there is no good copy of it. "
    f"Accounts, PINs and device owners may be missing. {_REST} may have gaps.",
    "missing, no copy": "The database was missing at the start on {at}, and there is no good copy of it. "
    f"Accounts, PINs and device owners are missing. {_REST} too.",
    "newer": "A newer Qalqan had written the database at the start on {at}, so it was not used. Accounts, "
    f"PINs and device owners come from the last good copy. {_REST} are missing.",
    "newer, no copy": "A newer Qalqan had written the database at the start on {at}, so it was not used, and "
    f"there is no good copy of it. Accounts, PINs and device owners are missing. {_REST} too.",
}

_log = logging.getLogger(__name__)


class GoodCopy:
    """Writes and reads the last good copy of the rows ALL_ROWS, such as accounts, device owners and PINs.

    It is a file in the state directory. ``every``: seconds between two looks for changes of devices
    and PINs.
    """

    def __init__(self, home: HomeContext, store: Store, every: float) -> None:
        self._home = home
        self._store = store
        self._every = every
        self._soon = Throttle(home.loop, SOON, self._save)
        self._timer: Timer | None = None
        self.lost = False  # at this start, the database could not be used; `recover` finds out
        self._problem = ""
        self._copy = self._read()
        self._written = "" if self._copy is None else _digest(self._copy)

    @property
    def path(self) -> Path:
        return Path(self._home.rules.household.config.state) / FILE

    def recover(self, *, missing: bool, damaged: bool, first: bool) -> None:
        """Add the rows of the copy that the database has lost, and announce the loss.

        Call it before other reads. Without a loss, or at a first start, it does nothing. A database
        that a newer Qalqan has written counts as lost.

        Arguments:
            missing: there was no database before this start.
            damaged: it was damaged, and this start has replaced it.
            first: no earlier start had a profile. Without a copy, a missing database is then no loss.
        """
        store, copy = self._store, self._copy
        self._copy = None
        how = "damaged" if damaged else "newer" if store.is_newer else "missing" if missing else ""
        if not how or (how == "missing" and copy is None and first):
            return
        self.lost = True
        now, trusted = self._home.local_now(), self._home.clock_trusted
        if copy is None:
            how += ", no copy"
        else:
            plan = rows_plan(store, copy, BY, now)
            with store.transaction():
                write_rows(store, plan, AFTER, now, clock_trusted=trusted)
                _write_factors(store, copy, {person.name for person in plan.people})
        store.people.announce(Announcement(AnnouncementKind.LOST, "", how, now, now + ANNOUNCED_FOR, trusted))
        _log.error("%s", "".join(self.problems()))

    def start(self) -> None:
        self._home.bus.subscribe(AccountsChanged, lambda _: self._soon.later())
        self._home.bus.subscribe(ActivityErased, lambda _: self._soon.later())
        self._look()

    def _look(self) -> None:
        self._save()
        self._timer = self._home.loop.call_later(self._every, self._look)

    def _save(self) -> None:
        """Write the copy if the rows differ from the last written ones and there are any.

        If it cannot be written, `problems` reports it.
        """
        copy = self._current()
        digest = _digest(copy)
        if digest == self._written or not any(getattr(copy, row) for row in ALL_ROWS):
            return
        try:
            write_atomically(self.path, backup_text(copy).encode("ascii"))
        except OSError as error:
            self._problem = f"{self.path} cannot be written ({write_error_text(error)})."
            return
        except ControlError as error:
            self._problem = f"{self.path} cannot be written: {error}"
            return
        self._problem, self._written = "", digest

    def _current(self) -> Backup:
        now = self._home.local_now()
        rows = kept_rows(self._store, now, self._store.today(now).isoformat())
        return Backup(
            made=now.replace(microsecond=0),
            by=BY,
            gateway="",
            version=__version__,
            home={},
            lists=None,
            profiles={},
            calendars={},
            factors=tuple(_factors(self._store)),
            **{row: rows[row] for row in ROWS},  # type: ignore[arg-type]
        )

    def _read(self) -> Backup | None:
        """Return the copy on the disk; None if there is none, or if it cannot be read."""
        if not self.path.exists():
            return None
        try:
            return parse_backup(read_bounded(self.path, MOST).decode("ascii", "replace"))
        except GatewayError as error:
            _log.error("%s: %s. A new copy is written.", self.path, error)
            return None

    def problems(self) -> list[str]:
        """Return a line about a lost database, for a week after it, and one if the copy cannot be written."""
        now = self._home.local_now()
        found = [
            _LINES[loss.device].format(at=f"{loss.at.astimezone(now.tzinfo):%Y-%m-%d %H:%M}")
            for loss in self._store.people.announced
            if loss.kind is AnnouncementKind.LOST and loss.until > now and loss.device in _LINES
        ]
        return found + [self._problem] * bool(self._problem)

    def close(self) -> None:
        """Write the copy a last time if it has changed, and stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._save()
        self._soon.close()


def _factors(store: Store) -> Iterator[KeptFactor]:
    """Yield the second factors of all accounts as rows of a backup: secrets and backup codes.

    The last used time step is left out: each sign-in changes it.
    """
    for account in store.people.accounts().values():
        if account.totp:
            yield KeptFactor(account.name, FactorPart.SECRET, account.totp)
            yield from (KeptFactor(account.name, FactorPart.CODE, code) for code in account.backup_codes)


def _write_factors(store: Store, copy: Backup, names: Set[str]) -> None:
    """Store the second factors in ``copy`` of the accounts with these names."""
    for name in names:
        parts = [factor for factor in copy.factors if factor.name == name]
        (secret,) = [part.value for part in parts if part.part == FactorPart.SECRET][:1] or [""]
        codes = tuple(part.value for part in parts if part.part == FactorPart.CODE)
        if secret:
            account = store.people.accounts()[name]
            store.people.put(replace(account, totp=secret, backup_codes=codes))


def _digest(copy: Backup) -> str:
    """Return a digest of a backup's rows, to see whether they changed. Their order makes no difference."""
    rows = sorted(json.dumps([row, asdict(value)]) for row in ALL_ROWS for value in getattr(copy, row))
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()
