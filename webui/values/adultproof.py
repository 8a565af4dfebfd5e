"""The temporary unlock of a device for an adult, as the daemon reports it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webui.language.i18n import gettext as _
from webui.language.words import clock, duration, plain
from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class AdultProof:
    method: str  # password, guardian, wallet
    by: str  # the guardian; empty for a wallet, which gives no name
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
    """Parse the unlock of a device; None if no proof unlocks it."""
    found = answer.entry("adult_proof")
    return None if found is None else found.read(AdultProof)


def lengths() -> dict[str, str]:
    """Return the durations of an unlock as the daemon accepts them, with their labels."""
    return {"1h": duration(60), "4h": duration(240), "morning": _("Until tomorrow, 06:00")}
