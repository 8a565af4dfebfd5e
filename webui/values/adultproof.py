"""A device that is an adult's for a while, as the daemon tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webui.language.i18n import gettext as _
from webui.language.words import clock, duration, plain
from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class AdultProof:
    method: str  # password, guardian, wallet
    by: str  # the guardian; empty: a wallet tells no name
    until: datetime | None

    def sentence(self, now: datetime) -> str:
        until = "" if self.until is None else clock(self.until, now)
        name = plain(self.by)
        if self.method == "password":
            return _("Opened as an adult's by %(name)s's password until %(until)s.", name=name, until=until)
        if self.method == "guardian":
            return _("Opened as an adult's by %(name)s until %(until)s.", name=name, until=until)
        return _("Opened as an adult's by a wallet's adult proof until %(until)s.", until=until)


def parse_adult_proof(answer: Answer) -> AdultProof | None:
    """Of what the daemon says of a device; None where no proof opens it."""
    found = answer.entry("adult_proof")
    return None if found is None else found.read(AdultProof)


def lengths() -> dict[str, str]:
    """How long a device may be opened, as the daemon takes it, and how it is told."""
    return {"1h": duration(60), "4h": duration(240), "morning": _("Until tomorrow, 06:00")}
