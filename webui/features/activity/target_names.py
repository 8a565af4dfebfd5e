"""Names for the targets in a child's history: services, categories, sites, and reasons of blocks."""

from __future__ import annotations

from gateway.policy.profile.rules import CATEGORY
from webui.language.i18n import gettext as _
from webui.language.things import thing
from webui.language.words import plain

REASON, OTHER = "reason:", "other"
NAME_LIMIT = 80  # characters of a host or a service


def title(target: str, name: str | None) -> str:
    """Return the display name of a target in a history, such as ``service:youtube`` or ``reason:bedtime``.

    ``name``: the daemon's name for it; untrusted for a site.
    """
    if target == OTHER:
        return _("Something else")
    if not target.startswith(REASON):
        named = thing(target, name or "")
        if target.startswith(CATEGORY) and named == name:
            named = named[:1].upper() + named[1:]
        return plain(named, NAME_LIMIT)
    return _reasons().get(target.removeprefix(REASON)) or _("Something else")


def initial(title: str) -> str:
    """Return the first letter or digit of a title, in upper case, which marks it in a chart.

    Empty without one.
    """
    return next((letter for letter in title if letter.isalnum()), "").upper()


def _reasons() -> dict[str, str]:
    return {
        "bedtime": _("During bedtime"),
        "paused": _("During a pause"),
        "window": _("Outside its hours"),
        "out_of_time": _("After the time was used up"),
        "quarantined": _("Before anyone chose who uses it"),
        "family_block": _("Your family's own rule"),
        "register": _("A state register that is on in this home"),
        "law": _("A law that your family turned on"),
        "service": _("Services"),
        "not_on_list": _("Not on the list of sites"),
        "new_domain": _("Names registered a few days ago"),
        "unknown_domain": _("Unknown sites"),
        "encrypted_dns": _("Encrypted DNS"),
        "vpn": _("VPN"),
        "tor": _("Tor"),
        "proxy": _("Proxy"),
        "ssh": _("SSH"),
        "relay": _("iCloud Private Relay"),
        "no_name": _("Connections without a name"),
        "safe_search": _("Search in its safe mode"),
    }
