"""Texts of notifications: their settings, their messages, and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.control.contract.notifications import AlertsResponse, GuardianAlerts
from gateway.policy.alerts.channels import EMAIL, has_own_server, service_name
from gateway.policy.alerts.notifications import KINDS
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.messages.recipients import Recipient
from webui.messages.unsent import NotSent, SendFailure

Say = Callable[[str], str]
SayMany = Callable[[str, str, int], str]
DETAIL_LIMIT = 80  # characters of a name in a message


def server_of(address: str) -> str:
    """Return the host and port in a channel's address if they may be shown; empty otherwise.

    Without a path or a user, and in some modes, what looks like a host is a secret: a topic or a token.
    Also empty for an address that is no valid URL, such as one with ``[`` in the password.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    named = parts.path.strip("/") or "@" in parts.netloc
    moded = "mode=" in parts.query and service_name(address) != EMAIL
    if not has_own_server(address) or not named or moded:
        return ""
    return parts.netloc.rpartition("@")[2]


def channel_label(address: str) -> str:
    """Return the name by which the pages show a channel: its service, and its server if that may be shown."""
    name, server = service_name(address), plain(server_of(address), DETAIL_LIMIT)
    if name == EMAIL:
        name, server = _("E-mail"), server.partition(":")[0]
    return f"{name} · {server}" if server else name


def recipient_label(to: Recipient) -> str:
    """Return the name by which the pages show a channel or browser.

    A browser's has its push service's server.
    """
    if to.push is None:
        return channel_label(to.address)
    return _("A browser · %(server)s", server=plain(urlsplit(to.push.endpoint).netloc, DETAIL_LIMIT))


def alerts_of(book: AlertsResponse, guardian: str) -> GuardianAlerts | None:
    return next((alerts for alerts in book.alerts if alerts.guardian == guardian), None)


def zone_of(book: AlertsResponse) -> ZoneInfo:
    try:
        return ZoneInfo(book.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def kinds() -> dict[str, tuple[str, str]]:
    """Return each kind of notification with a label and its meaning, in page order."""
    labels = {
        "request": (_("A request waits"), _("A child asks for time or for a site.")),
        "device": (
            _("A new device"),
            _("You choose who uses it. Also a device unlocked for an adult."),
        ),
        "way": (
            _("An attempt to bypass the filter"),
            _("Private DNS, a VPN and the like, on the device of a child under 13."),
        ),
        "filter": (_("The filter stopped or started"), _("Also when a parent turns the rules off.")),
        "people": (_("A parent’s account was added or changed"), _("Also a new password, and who set it.")),
        "sign_in": (_("A sign-in with my name"), _("With device and browser on My account.")),
        "week": (_("The last seven days"), _("On Sunday at 18:00, with a link to that page.")),
    }
    return {kind: labels[kind] for kind in KINDS}


def sentence(kind: str, what: str, count: int, _: Say, ngettext: SayMany) -> str:
    """Return the text of a message about ``count`` events of one kind.

    ``what``: the subtype, or for a warning the minutes left. ``_`` and ``ngettext``: translate to the
    recipient's language.
    """
    if kind == "request" and what == "again" and count == 1:
        text = _("A request has waited for a day.")
    elif kind == "request":
        text = ngettext("%(num)d request waits.", "%(num)d requests wait.", count)
    elif kind == "device" and what == "adult":
        text = _("A device was unlocked for an adult for a while. See which one and how.")
    elif kind == "device":
        text = ngettext("%(num)d new device is here.", "%(num)d new devices are here.", count)
    elif kind == "way":
        text = ngettext("Bypass attempt on %(num)d device.", "Bypass attempts on %(num)d devices.", count)
    elif kind == "sign_in":
        text = ngettext(
            "%(num)d sign-in with your name. If it was not you, sign it out at My account.",
            "%(num)d sign-ins with your name. If it was not you, sign them out at My account.",
            count,
        )
    elif kind == "week":
        text = _("The last seven days are on one page.")
    elif kind == "answer":
        text = _("There is an answer to what you asked for.")
    elif kind == "warning":
        count = int(what)
        text = ngettext("%(num)d minute left.", "%(num)d minutes left.", count)
    elif kind == "people":
        text = _("An account was added or changed. See which one.")
    else:
        text = {
            "stopped": _("The filter does not run. On devices of younger children only help works."),
            "started": _("The filter runs again."),
            "off": _("A parent turned the rules off for a while."),
            "stop": _("Your internet provider turned the rules off for a while."),
            "address": _(
                "A device uses the address of another one and can read what is sent there. See which one."
            ),
        }.get(what) or _("The rules are on again.")
    return text % {"num": count}


def not_sent(error: NotSent) -> str:
    """Return a sentence that says why a message was not sent. It does not have the channel's address."""
    return {
        SendFailure.ADDRESS: _("This address cannot be used. Check how it is written."),
        SendFailure.NOT_OUTSIDE: _(
            "The server is not on the internet. If it is in this home, add it again and choose that."
        ),
        SendFailure.NOT_INSIDE: _("The server is not in this home’s network, or it is the gateway itself."),
        SendFailure.SLOW: _("The server did not answer in time."),
        SendFailure.NO_NAME: _("The server’s name was not found."),
        SendFailure.UNREACHABLE: _("The server could not be reached."),
        SendFailure.REFUSED: _("The server rejected the message with code %(status)d.", status=error.status),
        SendFailure.CREDENTIALS: _(
            "The service did not accept it. Check the password, key or address that you entered."
        ),
        SendFailure.JUST_NOW: _("There was a test just now. Try again in a few seconds."),
        SendFailure.GONE: _("A browser does not take messages any more. Turn them on in it again."),
        SendFailure.MISSING: _("A part for this is not installed on the gateway. Ask whoever set it up."),
        SendFailure.NO_KEY: _("The gateway’s disk is full or broken, so this cannot be turned on now."),
    }[error.why]


def named(event: Mapping[str, Any]) -> str:
    """Return the names in an event, joined to one text: a child or device, a site, the author.

    It is for guardians who want names in their messages.
    """
    parts = (event.get(key) for key in ("name", "site", "by"))
    return " · ".join(plain(part, DETAIL_LIMIT) for part in parts if isinstance(part, str) and part)
