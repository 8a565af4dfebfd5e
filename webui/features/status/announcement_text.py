"""Texts of announcements: who set up the gateway or got full access, and how.

Parents' pages show them for a week. After all accounts were lost no parent is signed in, so the sign-in page
and the page of a device without a child show one of them, without a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gateway.control.contract.status import AnnouncementEntry
from webui.language.i18n import gettext as _
from webui.language.words import day_past, plain


def announced(announcement: AnnouncementEntry, now: datetime) -> str:
    """Return a sentence about a notice to everyone: who did what to get access, how, and when.

    Its kinds: set up the gateway, became a parent, set a new password, got a new way to sign in from
    the gateway itself, made an API token, or made or restored a backup.
    """
    kind, at = announcement.told, announcement.at
    values = {
        "name": plain(announcement.name),
        "day": day_past(at, now) if at else "",
        "device": plain(announcement.device or ""),
    }
    if kind == "console":
        return _("%(name)s got a new way to sign in %(day)s, from the gateway itself.", **values)
    if kind == "backup":
        return _("%(name)s made a backup of the rules and accounts %(day)s.", **values)
    if kind == "restore":
        return _("%(name)s restored a backup of the rules and accounts %(day)s.", **values)
    if kind == "guardian":
        return _("%(name)s was added as a parent %(day)s, by a tap on %(device)s.", **values)
    if kind == "token":
        return _("%(name)s made a token for a program %(day)s, on %(device)s.", **values)
    if kind == "claim_again" and values["device"]:
        return _(
            "%(name)s was added as a parent %(day)s with the label and the button, from %(device)s, "
            "because this gateway had none. If you do not know this person, remove the account under "
            "People.",
            **values,
        )
    if kind == "claim_again":
        return _(
            "%(name)s was added as a parent %(day)s on the gateway itself, because it had none.",
            **values,
        )
    if kind == "claim":
        return _("%(name)s set up this gateway %(day)s from %(device)s.", **values)
    if kind == "code":
        return _("%(name)s set a new password %(day)s with a recovery code, from %(device)s.", **values)
    return _("%(name)s set a new password %(day)s with the label and the button, from %(device)s.", **values)


def accounts_lost(announcements: Iterable[AnnouncementEntry], now: datetime) -> str:
    """Return an announcement that all accounts were lost and a new one was made; empty without one.

    It is for parents who cannot sign in. Before there is a new account, the sign-in page redirects to the
    claim instead. The text names no person, device or method: guests read it too. Pages of children's devices
    must not show it.
    """
    for announcement in announcements:
        if announcement.told == "claim_again" and announcement.at:
            return _(
                "The accounts of all parents were lost. A new account was made %(day)s. If you are a parent "
                "and do not know about it, talk to the other parents, or ask whoever set up the gateway for "
                "a sign-in link.",
                day=day_past(announcement.at, now),
            )
    return ""
