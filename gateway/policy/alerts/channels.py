"""Channels: where a guardian's messages go, apart from browsers. Pure.

A channel is a topic of ntfy, or a service that Apprise reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

CHANNEL_LIMIT = 600  # characters of an address; a token of Home Assistant or Matrix has about 250
MOST_CHANNELS = 8  # of a guardian
NTFY, EMAIL = "ntfy", "E-mail"
_NTFY_SCHEMES = ("https", "http")


@dataclass(frozen=True, slots=True)
class MessageChannel:
    """One destination of a guardian's messages: an ntfy topic, or a service that Apprise reaches.

    The address is secret: it has passwords, or everyone who knows it can read along.
    """

    address: str
    inside: bool = False  # the server is in the household's own network

    def plain(self) -> dict[str, Any]:
        """Return the channel as a dict of JSON types, as it is stored."""
        return {"address": self.address, "inside": self.inside}


def channel_id(address: str) -> str:
    """Return a hash (hex) of the address of a channel or browser, by which a page can name it."""
    return blake2b(address.encode(), digest_size=9).hexdigest()


def is_ntfy(address: str) -> bool:
    """Return True if an address is that of an ntfy topic (http or https), which needs no Apprise."""
    return _scheme(address) in _NTFY_SCHEMES


def has_own_server(address: str) -> bool:
    """Return True if messages go to a server in the address, not to the company of a service."""
    return is_ntfy(address) or _scheme(address) in _SELF_HOSTED


def service_name(address: str) -> str:
    """Return the name of the service of an address, as its maker writes it.

    Empty if Qalqan sends no messages to such an address.
    """
    scheme = _scheme(address)
    return NTFY if scheme in _NTFY_SCHEMES else _MAKERS.get(scheme) or _SELF_HOSTED.get(scheme, "")


def _scheme(address: str) -> str:
    scheme, separator, _ = address.partition("://")
    return scheme if separator else ""


# Apprise has others that start programs, write to the system log or talk to the desktop. Those stay out.
_MAKERS = {
    "dingtalk": "DingTalk", "discord": "Discord", "feishu": "Feishu", "freemobile": "Free Mobile",
    "gchat": "Google Chat", "ifttt": "IFTTT", "join": "Join", "line": "LINE", "mailgun": "Mailgun",
    "msteams": "Microsoft Teams", "onesignal": "OneSignal", "pbul": "Pushbullet", "pover": "Pushover",
    "prowl": "Prowl", "psafers": "Pushsafer", "pushy": "Pushy", "resend": "Resend", "schan": "ServerChan",
    "sendgrid": "SendGrid", "seven": "seven", "slack": "Slack", "smtp2go": "SMTP2GO", "tgram": "Telegram",
    "threema": "Threema", "twilio": "Twilio", "vonage": "Vonage", "webex": "Webex", "wecombot": "WeCom",
    "whatsapp": "WhatsApp", "workflows": "Microsoft Teams", "zulip": "Zulip",
}  # fmt: skip
_PLAIN = {
    "apprise": "Apprise", "bark": "Bark", "form": "Webhook", "gotify": "Gotify", "hassio": "Home Assistant",
    "json": "Webhook", "kodi": "Kodi", "mailto": EMAIL, "matrix": "Matrix", "mmost": "Mattermost",
    "nctalk": "Nextcloud Talk", "ncloud": "Nextcloud", "ntfy": "ntfy", "rocket": "Rocket.Chat",
    "signal": "Signal", "synology": "Synology Chat", "xml": "Webhook",
}  # fmt: skip
_SELF_HOSTED = _PLAIN | {f"{scheme}s": name for scheme, name in _PLAIN.items()}  # with TLS
