"""The verb `pin`: sets, checks and clears the PIN by which a child identifies itself.

Wrong PINs are counted for each pair of device and child. A sibling who guesses on a shared tablet blocks the
child's PIN for ten minutes, and after too many tries in 24 hours for up to a day, but only there: the child's
own phone counts separately.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from gateway.control.contract.sharing import PIN, ChangedPin, PinRequest, PinState
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.schema import values_of
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.attempt_limits import AttemptLimit, DailyLimit, loop_time
from gateway.household.context import HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.visibility import day_of
from gateway.policy.accounts import pins
from gateway.policy.accounts.pins import Pin
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import DeviceUse, needs_pin, possible_users
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import NAMES_LEVEL
from gateway.store.durable_writes import in_utc
from gateway.store.tables.attempts import AttemptTable
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.sharing import PinTable

CHANGES_A_DAY = 5  # of a child's PIN by the child


class PinDesk:
    """Sets, checks and clears the PINs by which children identify themselves, such as on shared devices.

    ``use_of`` returns the temporary use of a device, or None.
    """

    def __init__(
        self,
        home: HomeContext,
        stored: PinTable,
        audit: RecordAudit,
        access: Access,
        use_of: Callable[[str], DeviceUse | None],
        attempts: AttemptTable,
    ) -> None:
        self._home = home
        self._stored = stored
        self._audit = audit
        self._access = access
        self._use_of = use_of
        self._delay = AttemptLimit(pins.TRIES)
        self._slow_of_day = DailyLimit(pins.TRIES_OF_DAY, home, attempts, "pin tries")
        self._changes = DailyLimit(CHANGES_A_DAY, home, attempts, "pin changes")

    def register(self, router: Router) -> None:
        router.serve(PIN, self.pin)

    def pin(self, call: Call[PinRequest]) -> ChangedPin:
        """Set, check or clear a child's PIN, and return its state.

        A guardian sends ``who`` and ``by`` to set or clear, a child's device ``device`` to set or check.
        Raises ControlError for a wrong or unusable PIN, or too many tries.
        """
        action = call.args.action
        if action == "clear":
            return self._clear(call)
        if action == "set" and call.args.device is None:
            return self._set_by_guardian(call)
        member = self._access.child(call)
        mac, who = parse_mac(call.text("device")) or "", member.profile
        if action == "check":
            self.check(call, mac, who)
            return self._changed(who)
        return self._set_by_child(call, mac, who)

    def describe(self, who: Profile) -> PinState:
        known = self._stored.of(who.id)
        at = None if known is None else known.at.astimezone(self._home.rules.household.config.zone)
        if at is not None and known is not None and not known.by and who.rules.log_level < NAMES_LEVEL:
            at = day_of(at)  # the moment at which the child set it is private
        return PinState(pin=needs_pin(who), pin_set=at, pin_by="" if known is None else known.by)

    def _changed(self, who: Profile) -> ChangedPin:
        return ChangedPin(who=who.id, **values_of(self.describe(who)))

    def is_own(self, mac: str, who: Profile) -> bool:
        """Return whether the device belongs to this child alone, and has no temporary user now."""
        household = self._home.rules.household
        return mac in who.devices and not possible_users(household, mac) and not self._use_of(mac)

    def check(self, request: ControlRequest, mac: str, who: Profile) -> None:
        """Raise ControlError if the request's ``pin`` is not the PIN of ``who``, or ``who`` has none.

        Wrong PINs are counted by device (``mac``) and child. After `pins.TRIES` within ten minutes,
        there is an audit line, and further tries raise ControlError for up to ten minutes. After
        `pins.TRIES_OF_DAY` within 24 hours, they raise it for up to a day.
        """
        known, key, now = self._stored.of(who.id), f"{mac} {who.id}", loop_time(self._home)
        if known is None:
            raise ControlError.of(Code.NO_PIN, name=who.name)
        self._slow_of_day.check(key, now)
        self._delay.check(key, now)
        entered = pins.parse_pin(request.text("pin"))
        if entered is None or not pins.is_right(known, entered):
            # A right PIN does not reset the day's count: the child's own use would help a guessing sibling.
            self._slow_of_day.add(key, now)
            if self._delay.add(key, now):
                at = self._home.local_now()
                self._audit("pin tries", f"{who.id} {mac}", by=PROGRAM, at=at)
            raise ControlError.of(Code.PIN_WRONG, name=who.name)
        self._delay.forget(key)

    def _set_by_guardian(self, call: Call[PinRequest]) -> ChangedPin:
        by = self._access.guardian(call)
        return self._save(call, self._child(call), by)

    def _set_by_child(self, call: Call[PinRequest], mac: str, who: Profile) -> ChangedPin:
        """Set the PIN on the child's own device, at most CHANGES_A_DAY times a day.

        To change a PIN, the request also needs the old one. Raises ControlError.
        """
        if not self.is_own(mac, who):
            raise ControlError.of(Code.PIN_ELSEWHERE)
        if self._stored.of(who.id) is not None:
            old = ControlRequest(call.do, call.role, call.uid, {"pin": call.text("old")})
            self.check(old, mac, who)
        now = loop_time(self._home)
        self._changes.check(who.id, now)
        saved = self._save(call, who, "")
        self._changes.add(who.id, now)
        return saved

    def _save(self, call: Call[PinRequest], who: Profile, by: str) -> ChangedPin:
        """Store the PIN of a request and publish it, if guardians may know. ``by``: the guardian, or "".

        Raises ControlError for a PIN of a wrong form or one that is easy to guess.
        """
        pin = pins.parse_pin(call.text("pin"))
        if pin is None:
            least, most = pins.MIN_DIGITS, pins.MAX_DIGITS
            raise ControlError.of(Code.PIN_FORM, least=least, most=most)
        if pins.is_weak(pin):
            raise ControlError.of(Code.PIN_GUESSED)
        salt = secrets.token_hex(pins.SALT_BYTES)
        made = Pin(who.id, salt, pins.hash_pin(pin, salt), in_utc(self._home.local_now()), by)
        self._stored.put(made, by=by or who.name, origin=call.text("origin", ""))
        if by or who.rules.log_level >= NAMES_LEVEL:
            self._home.publish("pin", profile=who.id, name=who.name, what="set", by=by or None)
        return self._changed(who)

    def _clear(self, call: Call[PinRequest]) -> ChangedPin:
        by, who = self._access.guardian(call), self._child(call)
        at = self._home.local_now()
        if not self._stored.drop(who.id, by=by, at=at, origin=call.text("origin", "")):
            raise ControlError.of(Code.NO_PIN, name=who.name)
        self._home.publish("pin", profile=who.id, name=who.name, what="cleared", by=by)
        return self._changed(who)

    def _child(self, call: Call[PinRequest]) -> Profile:
        who = self._home.rules.household.profile(call.text("who"))
        if not who.is_child:
            raise ControlError.of(Code.NO_CHILD, name=who.name)
        return who
