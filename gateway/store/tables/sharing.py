"""Temporary users of devices, and the PINs of children.

Of a PIN only a salted hash is stored; the audit log has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from gateway.policy.accounts.pins import Pin
from gateway.policy.identity.sharing import DeviceUse, UseKind
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
    NewAuditLine,
    audit_line,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

_USES = "mac, who, kind, since, until, by"
_PUT_USE = f"INSERT OR REPLACE INTO lent ({_USES}) VALUES (?, ?, ?, ?, ?, ?)"
_PINS = "who, salt, hash, at, by"
_PUT_PIN = f"INSERT OR REPLACE INTO pins ({_PINS}) VALUES (?, ?, ?, ?, ?)"
PINS_LIMIT = 64  # as many as there can be profiles


class DeviceUseTable:
    """Stores which child temporarily uses a device (shared, claimed or handed over), by MAC address.

    Changes with a verb (``what``) get an audit line: those by a guardian, not those by a child.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._uses = {
            mac: DeviceUse(mac, who, UseKind(kind), moment(since), moment_or_none(until), by)
            for mac, who, kind, since, until, by in database.rows(f"SELECT {_USES} FROM lent ORDER BY since")
        }

    def all(self) -> Mapping[str, DeviceUse]:
        return self._uses

    def put(self, use: DeviceUse, *, what: str = "", origin: str = "") -> None:
        """Store the temporary user of a device, in place of an earlier one.

        ``what`` is the verb of the audit line; empty: no line.
        """
        self._uses[use.mac] = use
        audit = audit_line(use.since, use.by, what, f"{use.mac} {use.who}", origin) if what else None
        self._writer.save(Statement(_PUT_USE, [_use(use)]), audit=audit)

    def drop(
        self, mac: str, *, by: str = "", what: str = "", at: datetime | None = None, origin: str = ""
    ) -> None:
        gone = self._uses.pop(mac, None)
        if gone is not None:
            detail = f"{mac} {gone.who}"
            audit = audit_line(at, by, what, detail, origin) if what and at is not None else None
            self._writer.save(Statement("DELETE FROM lent WHERE mac = ?", [(mac,)]), audit=audit)

    def drop_where(self, is_over: Callable[[DeviceUse], bool]) -> None:
        for mac in [mac for mac, use in self._uses.items() if is_over(use)]:
            self.drop(mac)

    def end_at(self, mac: str, until: datetime) -> None:
        """Change the end of a device's temporary use, which must be stored, after a clock change."""
        self._uses[mac] = replace(self._uses[mac], until=until)
        self._writer.save(Statement(_PUT_USE, [_use(self._uses[mac])]))

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("lent", _USES, [_use(use) for use in self._uses.values()])


class PinTable:
    """Stores salted hashes of children's PINs, by profile id."""

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        rows = database.rows(f"SELECT {_PINS} FROM pins ORDER BY at")
        self._pins = {who: Pin(who, salt, digest, moment(at), by) for who, salt, digest, at, by in rows}

    def all(self) -> tuple[Pin, ...]:
        return tuple(self._pins.values())

    def of(self, who: str) -> Pin | None:
        return self._pins.get(who)

    def put(self, pin: Pin, *, by: str, origin: str = "") -> None:
        """Store a child's PIN, with an audit line. ``by`` is the name of a guardian or of the child."""
        self._pins.pop(pin.who, None)
        self._pins[pin.who] = pin
        self._writer.save(
            Statement(_PUT_PIN, [_pin(pin)]), audit=audit_line(pin.at, by, "pin set", pin.who, origin)
        )
        while len(self._pins) > PINS_LIMIT:  # drop the oldest, of deleted profiles
            self._drop(next(iter(self._pins)))

    def drop(self, who: str, *, by: str, at: datetime, origin: str = "") -> bool:
        return self._drop(who, audit_line(at, by, "pin cleared", who, origin))

    def forget(self, who: str) -> None:
        """Delete the PIN of a child without an audit line."""
        self._drop(who)

    def _drop(self, who: str, audit: NewAuditLine | None = None) -> bool:
        if self._pins.pop(who, None) is None:
            return False
        self._writer.save(Statement("DELETE FROM pins WHERE who = ?", [(who,)]), audit=audit)
        return True

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("pins", _PINS, [_pin(pin) for pin in self._pins.values()])


def _use(use: DeviceUse) -> tuple[object, ...]:
    return use.mac, use.who, str(use.kind), unix(use.since), unix_or_none(use.until), use.by


def _pin(pin: Pin) -> tuple[object, ...]:
    return pin.who, pin.salt, pin.hash, unix(pin.at), pin.by
