"""The verb `audit_log`: who changed what, when and from which device, as far as log levels allow.

Only the lines about wrong entries of lists, which a parent reported, have the name of a site.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.control.contract.rules import (
    AUDIT_LOG,
    AUDIT_SKIP,
    AuditLog,
    AuditLogLine,
    AuditLogRequest,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.features.devices.assignment import ASSIGN, IDENTIFY, WAS
from gateway.features.rules.audit_lines import AuditLines
from gateway.household.presence import SeenDevices
from gateway.household.rule_book import RuleBook
from gateway.policy.accounts.tokens import split_origin
from gateway.policy.identity.macs import parse_mac
from gateway.store.tables.audit import AuditLine, ReadAudit

AUTHORS = 64  # offered as a filter


class AuditLogVerbs:
    """Returns the audit log page by page, as far as guardians may see it.

    ``read``: returns audit lines. ``authors``: returns the names of at most so many authors in the log.
    """

    def __init__(
        self,
        rules: RuleBook,
        read: ReadAudit,
        authors: Callable[[int], list[str]],
        lines: AuditLines,
        here: SeenDevices,
    ) -> None:
        self._rules = rules
        self._read = read
        self._authors = authors
        self._lines = lines
        self._here = here

    def register(self, router: Router) -> None:
        router.serve(AUDIT_LOG, self.audit_log)

    def audit_log(self, call: Call[AuditLogRequest]) -> AuditLog:
        """Return a page of the audit log, newest first, whether more follows, and the authors in the log.

        Hidden lines are left out, so that a page may have fewer than ``limit``. Lines that are not yet on the
        disk are missing.
        """
        limit, skip = call.args.limit, call.args.skip
        found = self._read(limit + 1, who=call.args.who, skip=skip)
        visible = (self._lines.visible(line) for line in found[:limit])
        return AuditLog(
            lines=tuple(self._describe(*shown) for shown in visible if shown is not None),
            more=len(found) > limit and skip + limit <= AUDIT_SKIP,
            people=tuple(self._lines.visible_authors(self._authors(AUTHORS))),
        )

    def _describe(self, line: AuditLine, day_only: bool) -> AuditLogLine:
        number, _, detail = line.detail.partition(" ")
        detail = detail if number.isdigit() else line.detail  # lines of requests begin with their number
        about, _, rest = detail.partition(" ")
        if line.what in (ASSIGN, IDENTIFY):
            rest = rest.partition(WAS)[0]
        name = self._name(about.removesuffix(":"))
        token, place = split_origin(line.origin)
        address, _, device = place.partition(" ")
        mac, _, device_name = device.partition(" ")
        return AuditLogLine(
            at=line.at.astimezone(self._rules.household.config.zone),
            day_only=day_only,
            who=line.who,
            what=line.what,
            about=name,
            detail=(self._name(rest) or rest) if name else detail,  # the rest may be an owner's id
            until=self._end(line.detail),
            address=address,
            device=device_name or mac,
            token=token,
            count=line.count,
        )

    def _name(self, word: str) -> str:
        """Return the name of the person (by id) or device (by MAC address) in ``word``; "" if neither."""
        mac = parse_mac(word)
        if mac is not None:
            return self._here.name_of(mac) or mac
        profile = self._rules.household.profiles.get(word)
        return "" if profile is None else profile.name

    def _end(self, detail: str) -> datetime | None:
        _, found, text = detail.rpartition("until ")
        try:
            end = datetime.fromisoformat(text) if found else None
            zone = self._rules.household.config.zone
            return end.astimezone(zone) if end is not None and end.tzinfo is not None else None
        except (ValueError, OverflowError):  # such as a device name that contains "until 0001-01-01…"
            return None
