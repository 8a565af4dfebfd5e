"""Announcements that every device of the home sees for a week: who set up the gateway or got full access, and
how.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webui.language.i18n import gettext as _
from webui.language.words import day_past, plain


@dataclass(frozen=True, slots=True)
class Announced:
    told: str
    name: str
    device: str  # untrusted input; empty: unknown
    at: datetime | None

    def sentence(self, now: datetime) -> str:
        day = day_past(self.at, now) if self.at else ""
        values = {"name": plain(self.name), "day": day, "device": plain(self.device)}
        if self.told == "console":
            return _("%(name)s got a new way to sign in %(day)s, from the gateway itself.", **values)
        if self.told == "backup":
            return _("%(name)s made a backup of the rules and accounts %(day)s.", **values)
        if self.told == "restore":
            return _("%(name)s put a backup of the rules and accounts in place %(day)s.", **values)
        if self.told == "guardian":
            return _("%(name)s became a guardian here %(day)s, by a tap on %(device)s.", **values)
        if self.told == "token":
            return _("%(name)s made a token for a program %(day)s, on %(device)s.", **values)
        if self.told == "claim":
            return _("%(name)s set up this gateway %(day)s from %(device)s.", **values)
        if self.told == "code":
            return _("%(name)s got a new password %(day)s by a recovery code, from %(device)s.", **values)
        return _("%(name)s got a new password %(day)s by label and button, from %(device)s.", **values)
