"""The verb `audit_log`: who changed what, when and from which device. It never has the name of a site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.control.protocol import Request, Verb
from gateway.daemon.verbs.auditlines import AuditLines
from gateway.policy.macs import parse_mac
from gateway.policy.tokens import unstamped
from gateway.store.state import AuditLine

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

PAGE = 50  # lines of one answer
FARTHEST = 20_000  # lines back; a year of a busy family has fewer
NAMES = 64  # who is offered to be filtered by


class AuditLogVerbs:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> Mapping[str, Verb]:
        return {"audit_log": self.audit_log}

    def audit_log(self, request: Request) -> Mapping[str, object]:
        """Newest first; what waits for the disk is not in it yet."""
        limit = request.whole("limit", least=1, most=PAGE, default=PAGE)
        skip = request.whole("skip", least=0, most=FARTHEST, default=0)
        store, who, lines = self._daemon.store, request.text_or_none("who"), AuditLines(self._daemon)
        found = store.audit_lines(limit + 1, who=who, skip=skip)
        return {
            "lines": [self._told(*one) for line in found[:limit] if (one := lines.told(line)) is not None],
            "more": len(found) > limit and skip + limit <= FARTHEST,
            "people": lines.people(NAMES),
        }

    def _told(self, line: AuditLine, day_only: bool) -> dict[str, object]:
        number, _, detail = line.detail.partition(" ")
        detail = detail if number.isdigit() else line.detail  # of a request, which comes first
        about, _, rest = detail.partition(" ")
        name = self._name(about.removesuffix(":"))
        end = self._end(line.detail)
        token, place = unstamped(line.origin)
        address, _, device = place.partition(" ")
        mac, _, called = device.partition(" ")
        return {
            "at": line.at.astimezone(self._daemon.rules.household.config.zone),
            "day_only": day_only,
            "who": line.who,
            "what": line.what,
            "about": name,
            "detail": (self._name(rest) or rest) if name else detail,  # whose it is: that one's name
            "until": end,
            "address": address,
            "device": called or mac,
            "token": token,
        }

    def _name(self, word: str) -> str:
        """Of a child or a device; empty where the word is neither."""
        mac = parse_mac(word)
        if mac is not None:
            return self._daemon.presence.here.name_of(mac) or mac
        profile = self._daemon.rules.household.profiles.get(word)
        return "" if profile is None else profile.name

    def _end(self, detail: str) -> datetime | None:
        _, found, text = detail.rpartition("until ")
        try:
            end = datetime.fromisoformat(text) if found else None
        except ValueError:
            return None
        zone = self._daemon.rules.household.config.zone
        return end.astimezone(zone) if end is not None and end.tzinfo is not None else None
