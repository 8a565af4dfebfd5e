"""What a helper may do: pause, and give so many minutes a day and child; never undo what others have set."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Role
from gateway.policy.macs import parse_mac
from gateway.policy.people import Account, PersonRole
from gateway.store.given import Kind

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


MINUTE = timedelta(minutes=1)
REMEMBERED = 256  # of what was taken back; the oldest counts as a whole again


class Helpers:
    """Each check passes for everybody who is no helper."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._ran: OrderedDict[int, int] = OrderedDict()  # what was taken back → minutes that it had run

    def check_grant(self, request: Request, keys: Iterable[str], minutes: int) -> None:
        helper = self._helper(request)
        if helper is None:
            return
        to = list(keys)
        if any(
            parse_mac(key) is not None for key in to
        ):  # which takes another address, and has as much again
            request.refuse("who", "is no child; a guardian gives time to a guest", Code.GUARDIANS_ONLY)
        left = min(self.left(helper, key) for key in to)
        if minutes > left:
            problem = f"is more than a helper may give; {left} minutes are left today"
            request.refuse("minutes", problem, Code.HELPER_MINUTES, minutes=left)

    def left(self, helper: Account, key: str) -> int:
        """Minutes that a helper may give this child on this family day."""
        today = self._daemon.rules.calendar.family_day(self._daemon.local_now())
        given = {
            one.grant: min(one.minutes, self._ran.get(one.grant, one.minutes)) if one.ended else one.minutes
            for one in self._daemon.store.gifts.given({key})
            if (one.by, one.kind, one.day) == (helper.name, Kind.GRANT, today)
        }
        return max(0, helper.minutes - sum(given.values()))

    def check_revoke(self, request: Request, number: int) -> None:
        helper = self._helper(request)
        given = (one for one in self._daemon.store.gifts.given() if one.grant == number)
        if helper is not None and any(one.by != helper.name for one in given):
            request.refuse("grant", "was given by somebody else", Code.GUARDIANS_ONLY)

    def taken_back(self, number: int) -> None:
        """Call it before: what has run stays counted, else a helper gives, takes back and gives anew all day.

        After a restart all of it counts.
        """
        now = self._daemon.local_now()
        since = [now - one.at for one in self._daemon.store.gifts.given() if one.grant == number]
        if since and min(since) >= timedelta():
            self._ran[number] = -(-max(since) // MINUTE)
        while len(self._ran) > REMEMBERED:
            self._ran.popitem(last=False)

    def check_pauses(self, request: Request, keys: Iterable[str] | None) -> None:
        """That no pause of somebody else is replaced or ended; None: any."""
        helper = self._helper(request)
        if helper is None:
            return
        for one in self._daemon.store.state(self._daemon.local_now()).pauses:
            if one.by != helper.name and (keys is None or one.who in keys):
                problem = f"is paused by {one.by}, and only a guardian may change that"
                request.refuse("who", problem, Code.NOT_YOUR_PAUSE, by=one.by)

    def _helper(self, request: Request) -> Account | None:
        if request.role is Role.OWNER:
            return None
        account = self._daemon.store.guardians().get(request.text("by", ""))
        return account if account is not None and account.role is PersonRole.HELPER else None
