"""Messages about a wallet proof that was rejected, and about a wallet that is unavailable."""

from __future__ import annotations

from gateway.age.refusals import Advice
from gateway.core.optional_packages import PACKAGES
from webui.language.i18n import gettext as _


def refused(reason: Advice) -> str:
    return {
        Advice.AGAIN: _("This question is over, or it was answered before. Begin anew."),
        Advice.WALLET: _("The wallet has no proof that is good now. It can get a new one from its issuer."),
        Advice.ISSUER: _("Whose proof this is, this gateway does not know. Nothing was opened."),
        Advice.LESS: _("The wallet sent more than was asked. All of it was dropped, nothing was opened."),
        Advice.NOT_ADULT: _("The proof does not say that somebody is 18 or older. Nothing was opened."),
        Advice.FORGED: _("A signature or a certificate in this proof does not fit. Nothing was opened."),
        Advice.GATEWAY: _("The list of whose proofs count is missing or too old here. A parent can look."),
    }[reason]


def not_asked(problem: str) -> str:
    """Return a sentence about why no wallet can be used on a page; empty for no ``problem``."""
    return {
        "none": _("No wallet is asked: this gateway has no list of whose proofs count (age_trust)."),
        "unreadable": _("No wallet is asked: the list of whose proofs count cannot be read (age_trust)."),
        "uninstalled": _("Wallet check unavailable: install %(package)s.", package=PACKAGES["cryptography"]),
        "plain": _(
            "A wallet answers a page alone that is reached over HTTPS, at a name that browsers trust."
            " This one was reached by plain HTTP."
        ),
        "ended": _(
            "A wallet answers a page alone that is reached over HTTPS, at a name that browsers trust."
            " The name of this home has no certificate that is good now."
        ),
        "nameless": _(
            "A wallet answers a page alone that is reached over HTTPS, at a name that browsers trust."
            " This home has no such name."
        ),
    }.get(problem, "")
