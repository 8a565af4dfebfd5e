"""Texts of adult proofs, which unlock a device for an adult for a limited time."""

from __future__ import annotations

from datetime import datetime

from gateway.control.contract.sharing import AdultProofState
from webui.language.i18n import gettext as _
from webui.language.words import clock, duration, plain


def proof_sentence(proof: AdultProofState, now: datetime) -> str:
    """Return a sentence that says by whom or how a device was unlocked for an adult, and until when."""
    until, name = clock(proof.until, now), plain(proof.by or "")
    if proof.method == "password":
        return _("Unlocked for an adult with %(name)s's password until %(until)s.", name=name, until=until)
    if proof.method == "guardian":
        return _("Unlocked for an adult by %(name)s until %(until)s.", name=name, until=until)
    return _("Unlocked for an adult with a wallet's adult proof until %(until)s.", until=until)


def lengths() -> dict[str, str]:
    """Return the choices of how long a device can be unlocked for an adult, with labels."""
    return {"1h": duration(60), "4h": duration(240), "morning": _("Until tomorrow, 06:00")}
