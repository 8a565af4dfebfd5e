"""Messages about a wallet proof that was rejected, and about a wallet that is unavailable."""

from __future__ import annotations

from gateway.age.refusals import Advice
from gateway.core.optional_packages import PACKAGES
from webui.language.i18n import gettext as _


def refused(reason: Advice) -> str:
    return {
        Advice.AGAIN: _("This question has ended. Start again."),
        Advice.WALLET: _("The wallet has no valid proof. Get a new one from its issuer."),
        Advice.ISSUER: _("This gateway does not know the issuer of this proof. Nothing was unlocked."),
        Advice.LESS: _("The wallet sent more than we asked for. We deleted it all. Nothing was unlocked."),
        Advice.NOT_ADULT: _("The proof does not show an age of 18 or older. Nothing was unlocked."),
        Advice.FORGED: _("A signature or certificate in this proof is not valid. Nothing was unlocked."),
        Advice.GATEWAY: _("The trust list is missing or too old. A parent can check it."),
    }[reason]


def not_asked(problem: str) -> str:
    """Return a sentence about why no wallet app can be used on this page; empty without a ``problem``.

    ``problem``: a key from `webui.wallet.why_not`.
    """
    return {
        "none": _("Wallet check unavailable: this gateway has no trust list."),
        "unreadable": _("Wallet check unavailable: the trust list cannot be read."),
        "uninstalled": _(
            "Wallet check unavailable: a part of it is not installed on the gateway.",
            package=PACKAGES["cryptography"],
        ),
        "plain": _("Wallets need an encrypted page at a trusted address. This page is not encrypted."),
        "ended": _(
            "Wallets need an encrypted page at a trusted address. This home’s certificate is not valid now."
        ),
        "nameless": _("Wallets need an encrypted page at a trusted address. This home has no such address."),
    }.get(problem, "")
