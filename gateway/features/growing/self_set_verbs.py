"""The verb `self_set`: a child changes the bedtime and limits that it set for itself, with its own PIN."""

from __future__ import annotations

from gateway.control.contract.growing import SELF_SET, SelfSetRequest, SelfSetResult
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.growing.self_set import SelfSetting
from gateway.features.sharing.pins import PinDesk
from gateway.household.attempt_limits import DailyLimit, loop_time
from gateway.household.context import HomeContext
from gateway.household.editing import bad_rule
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.self_set import FILE, may_set
from gateway.store.tables.attempts import AttemptTable

CHANGES_A_DAY = 30  # of the times that a child sets for itself: each stores it and syncs the filter


class SelfSetVerbs:
    """Lets a child change the bedtime and limits that it set for itself."""

    def __init__(
        self,
        home: HomeContext,
        self_set: SelfSetting,
        access: Access,
        pins: PinDesk,
        attempts: AttemptTable,
    ) -> None:
        self._home = home
        self._rules = home.rules
        self._self_set = self_set
        self._access = access
        self._pins = pins
        self._changes = DailyLimit(CHANGES_A_DAY, home, attempts, "self-set changes")

    def register(self, router: Router) -> None:
        router.serve(SELF_SET, self.self_set)

    def self_set(self, call: Call[SelfSetRequest]) -> SelfSetResult:
        """Change the child's own bedtime and limits by the keys in ``set``, and return them.

        The request needs the child's PIN. At most CHANGES_A_DAY are accepted in 24 hours; requests with
        invalid changes count too. Raises GatewayError for a wrong PIN, a child that may not set them, and too
        many or invalid changes.
        """
        profile = self._access.child(call).profile
        if not may_set(profile, self._rules.household.bands):
            raise ControlError.of(Code.NOT_SELF_SET, name=profile.name)
        changes = call.mapping("set")  # keys that may be written to the log
        self._pins.check(call, parse_mac(call.text("device")) or "", profile)
        self._changes.take(profile.id, loop_time(self._home))
        try:
            self._self_set.change(profile, changes, call.text("origin", ""))
        except PolicyError as error:
            raise bad_rule(error, FILE if error.where.startswith(FILE) else "", changes) from error
        return SelfSetResult(profile.id, self._self_set.describe(profile))
