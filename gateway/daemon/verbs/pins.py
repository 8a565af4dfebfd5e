"""The verb `pin`: how a child says that it is itself, set by the child on its own device or by a guardian.

Tries are slowed by device and person. So a sibling who guesses on the shared tablet shuts nobody out for more
than ten minutes, and only there: the child's own phone counts for itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.eyes import day_of
from gateway.daemon.files.steps import PROGRAM
from gateway.daemon.verbs.slow import Slow
from gateway.daemon.verbs.whom import Whom
from gateway.policy import pins
from gateway.policy.loglevels import NAMES_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.pins import Pin
from gateway.policy.profile import Profile
from gateway.policy.sharing import needs_pin, people_of
from gateway.store.given import in_utc

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class PinDesk:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom
        self._slow = Slow(pins.TRIES)
        self._slow_of_day = Slow(pins.TRIES_OF_DAY, timedelta(days=1))

    def table(self) -> Mapping[str, Verb]:
        return {"pin": self.pin}

    def pin(self, request: Request) -> Mapping[str, object]:
        """``set`` and ``clear`` by a guardian with ``who`` and ``by``, else by a device with ``device``."""
        action = request.choice("action", ("set", "check", "clear"))
        if action == "clear":
            return self._clear(request)
        if action == "set" and not request.has("device"):
            return self._set_by_guardian(request)
        member = self._whom.child(request)
        mac, who = parse_mac(request.text("device")) or "", member.profile
        if action == "check":
            self.check(request, mac, who)
            return {"who": who.id} | self.describe(who)
        return self._set_by_child(request, mac, who)

    def describe(self, who: Profile) -> dict[str, object]:
        """``pin``: whether it needs one; ``pin_set``: since when it has one; ``pin_by``: its guardian."""
        known = self._daemon.store.pins.of(who.id)
        at = None if known is None else known.at.astimezone(self._daemon.rules.household.config.zone)
        if at is not None and known is not None and not known.by and who.rules.log_level < NAMES_LEVEL:
            at = day_of(at)  # a child's own doing, of which no moment is told
        return {
            "pin": needs_pin(who),
            "pin_set": at,
            "pin_by": None if known is None else known.by or None,
        }

    def is_own(self, mac: str, who: Profile) -> bool:
        """Whether the device is this child's and nobody else's, now and by the files."""
        household = self._daemon.rules.household
        return mac in who.devices and not people_of(household, mac) and not self._daemon.sharing.use_of(mac)

    def check(self, request: Request, mac: str, who: Profile) -> None:
        """Raises where ``pin`` is not that of ``who``. Each device has tries of its own for each person."""
        known, key, now = self._daemon.store.pins.of(who.id), f"{mac} {who.id}", self._tried()
        if known is None:
            request.refuse("who", f"names {who.name}, who has no PIN yet", Code.NO_PIN, name=who.name)
        self._slow_of_day.check(key, now)
        self._slow.check(key, now)
        entered = pins.typed(request.text("pin"))
        if entered is None or not pins.is_right(known, entered):
            self._slow_of_day.add(key, now)  # which a right one does not forget: the child's own would help
            if self._slow.add(key, now):
                at = self._daemon.local_now()
                self._daemon.store.audit("pin tries", f"{who.id} {mac}", by=PROGRAM, at=at)
            request.refuse("pin", f"is not {who.name}'s PIN", Code.PIN_WRONG, name=who.name)
        self._slow.forget(key)

    def _set_by_guardian(self, request: Request) -> Mapping[str, object]:
        by = self._whom.guardian(request)
        return self._keep(request, self._child(request), by)

    def _set_by_child(self, request: Request, mac: str, who: Profile) -> Mapping[str, object]:
        """The first one on a device of its own; another one also needs the old."""
        if not self.is_own(mac, who):
            request.refuse("device", "is not one child's own", Code.PIN_ELSEWHERE)
        if self._daemon.store.pins.of(who.id) is not None:
            old = Request(request.do, request.role, request.uid, {"pin": request.text("old")})
            self.check(old, mac, who)
        return self._keep(request, who, "")

    def _keep(self, request: Request, who: Profile, by: str) -> Mapping[str, object]:
        pin = pins.typed(request.text("pin"))
        if pin is None:
            least, most = pins.LEAST, pins.MOST
            request.refuse(
                "pin", f"must have {least} to {most} digits", Code.PIN_FORM, least=least, most=most
            )
        if pins.is_guessed_first(pin):
            request.refuse("pin", "is one that others guess first", Code.PIN_GUESSED)
        salt = secrets.token_hex(pins.SALT_BYTES)
        made = Pin(who.id, salt, pins.hashed(pin, salt), in_utc(self._daemon.local_now()), by)
        self._daemon.store.pins.put(made, by=by or who.name, origin=request.text("origin", ""))
        if by or who.rules.log_level >= NAMES_LEVEL:
            self._daemon.control.publish("pin", profile=who.id, name=who.name, what="set", by=by or None)
        return {"who": who.id} | self.describe(who)

    def _clear(self, request: Request) -> Mapping[str, object]:
        by, who = self._whom.guardian(request), self._child(request)
        at = self._daemon.local_now()
        if not self._daemon.store.pins.drop(who.id, by=by, at=at, origin=request.text("origin", "")):
            request.refuse("who", f"names {who.name}, who has no PIN", Code.NO_PIN, name=who.name)
        self._daemon.control.publish("pin", profile=who.id, name=who.name, what="cleared", by=by)
        return {"who": who.id} | self.describe(who)

    def _child(self, request: Request) -> Profile:
        who = self._daemon.rules.profile(request.text("who"))
        if not who.is_child:
            request.refuse("who", f"names {who.name}, who is no child", Code.NO_CHILD, name=who.name)
        return who

    def _tried(self) -> datetime:
        return datetime.fromtimestamp(self._daemon.loop.now(), UTC)  # which no jump of the clock moves
