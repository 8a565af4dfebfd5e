"""Limits the extra time that accounts with the role "helper" can give.

A helper may give each child a fixed number of minutes a day, and cannot revoke what others gave. Each check
passes for accounts of any other role.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.policy.accounts.people import Account
from gateway.policy.identity.macs import parse_mac
from gateway.store.tables.grants import GrantKind, GrantTable

MINUTE = timedelta(minutes=1)
MAX_REVOKED = 256  # revoked grants with remembered used minutes; older ones count in full again


class Helpers:
    """Checks the grants and revocations that helpers request, and counts the minutes that they gave."""

    def __init__(self, home: HomeContext, access: Access, table: GrantTable) -> None:
        self._home = home
        self._access = access
        self._table = table
        self._used: OrderedDict[int, int] = OrderedDict()  # revoked grant → minutes it was in force

    def check_grant(self, request: ControlRequest, keys: Iterable[str], minutes: int) -> None:
        """Raise ControlError if a helper would give more than its minutes of today, or time to a device.

        A device without a child as owner, such as a guest's, has a MAC address as key. ``keys``: the profile
        ids or MAC addresses that get the minutes.
        """
        helper = self._access.helper(request)
        if helper is None:
            return
        receivers = list(keys)
        # A guest that takes another MAC address would get the daily minutes again.
        if any(parse_mac(key) is not None for key in receivers):
            raise ControlError.of(Code.GUARDIANS_ONLY)
        left = min(self.left(helper, key) for key in receivers)
        if minutes > left:
            raise ControlError.of(Code.HELPER_MINUTES, minutes=left)

    def left(self, helper: Account, key: str) -> int:
        """Return the minutes that a helper may still give today to a child.

        ``key``: the child's profile id.
        """
        today = self._home.rules.calendar.family_day(self._home.local_now())
        given: dict[int, int] = {}
        for row in self._table.given({key}):
            if (row.by, row.kind, row.day) == (helper.name, GrantKind.GRANT, today):
                used = self._used.get(row.grant, row.minutes) if row.ended else row.minutes
                # The rows of one grant differ: a time limit gets only the minutes that it lacks.
                given[row.grant] = max(given.get(row.grant, 0), min(row.minutes, used))
        return max(0, helper.minutes - sum(given.values()))

    def check_revoke(self, request: ControlRequest, number: int) -> None:
        """Raise ControlError if a helper would revoke extra time, or close a site, of another account."""
        helper = self._access.helper(request)
        if helper is not None and self._table.givers(number) != {helper.name}:
            raise ControlError.of(Code.GUARDIANS_ONLY)

    def before_revoke(self, number: int) -> None:
        """Remember how many minutes the grant ``number`` was in force. Call it before the grant is revoked.

        These minutes stay counted for the helper; otherwise it could give, revoke and give again all day.
        After a restart the whole grant counts.
        """
        now = self._home.local_now()
        ages = [now - row.at for row in self._table.given() if row.grant == number]
        if ages and min(ages) >= timedelta():
            self._used[number] = -(-max(ages) // MINUTE)
        while len(self._used) > MAX_REVOKED:
            self._used.popitem(last=False)
