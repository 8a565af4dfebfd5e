"""The forms that add a channel: their fields, and the address that they make.

The commonest services have forms of their own. Any other service takes an address as Apprise's documentation
shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from gateway.policy.alerts.channels import CHANNEL_LIMIT, is_ntfy, service_name
from webui.language.i18n import gettext as _

FIELD_LIMIT = CHANNEL_LIMIT  # characters; some fields hold a whole address

_MAIL = re.compile(r"([^@\s]+)@([A-Za-z0-9.-]+)")
_SERVER = re.compile(r"([A-Za-z0-9.-]+)(?::(\d{1,5}))?")
_BOT = re.compile(r"\d{5,15}:[\w-]{30,60}", re.ASCII)
_CHAT = re.compile(r"-?\d{3,20}|@\w{4,40}", re.ASCII)
TLS_PORT = "465"  # of mail servers; the others begin without TLS and turn it on
# Of domains that Apprise does not know.
_MAIL_SERVERS = dict.fromkeys(("mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru"), "smtp.mail.ru:465")


class FormError(ValueError):
    """The values of a form make no valid channel address. The message is a sentence for the reader."""


@dataclass(frozen=True, slots=True)
class ChannelField:
    key: str
    label: str
    about: str = ""
    secret: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ChannelForm:
    name: str
    about: str  # how to get what the fields ask for
    fields: tuple[ChannelField, ...]
    reach: str  # where messages go and what is learned there
    make: Callable[[Mapping[str, str]], str]  # the address from the fields' values; raises FormError
    own_server: bool = False  # the user names the server, which may be in the home
    usually_inside: bool = False  # the server is usually in the home
    apprise: bool = True  # Apprise sends the messages, if it is installed

    def address(self, values: Mapping[str, str]) -> str:
        """Return the channel's address, made from the typed ``values``: each field's key → text, maybe empty.

        Raises FormError if a required text is empty, or if they make no valid address.
        """
        if any(not values[field.key] for field in self.fields if not field.optional):
            raise FormError(_("Fill in every field that is not optional."))
        made = self.make(values)
        if len(made) > CHANNEL_LIMIT or not made.isascii() or not made.isprintable() or " " in made:
            raise FormError(_("This is too long, or has letters that an address cannot have."))
        return made


def forms() -> dict[str, ChannelForm]:
    """Return the forms that add a channel, by id, in page order."""
    return {
        "ntfy": _ntfy(), "email": _email(), "telegram": _telegram(), "home-assistant": _home_assistant(),
        "matrix": _matrix(), "pushover": _pushover(), "other": _other(),
    }  # fmt: skip


def _ntfy() -> ChannelForm:
    return ChannelForm(
        "ntfy",
        _(
            "ntfy is a free app. In it, subscribe to a topic with a long name that is hard to guess. "
            "Enter its address here."
        ),
        (ChannelField("address", _("Its address"), _("as in https://ntfy.sh/ and its name"), secret=True),),
        _(
            "Messages go to the server of this topic. Whoever runs it can read them. So can anyone who knows "
            "this address: keep it secret. A server on the internet also learns your home’s internet address."
        ),
        _topic_address,
        own_server=True,
        apprise=False,
    )


def _email() -> ChannelForm:
    return ChannelForm(
        _("E-mail"),
        _(
            "The gateway sends with a mailbox of yours. Many providers, such as Google, ask for a password "
            "made for one app: look for “app password” in the settings of the mailbox."
        ),
        (
            ChannelField("sender", _("The mailbox that sends")),
            ChannelField("password", _("Its password"), secret=True),
            ChannelField("to", _("Send to"), _("empty: the same mailbox"), optional=True),
            ChannelField(
                "server",
                _("The mail server"),
                _("empty for Gmail, Outlook, Yandex or Mail.ru"),
                optional=True,
            ),
        ),
        _(
            "Messages go to the mail server of that mailbox, and on to the one that receives them. Both can "
            "read them. The first also learns your home’s internet address."
        ),
        _mail_address,
    )


def _telegram() -> ChannelForm:
    return ChannelForm(
        "Telegram",
        _(
            "In Telegram, write to @BotFather to make a bot. It answers with a token. Then write a word to "
            "your bot, so that it may write to you. The bot @userinfobot answers with your number."
        ),
        (
            ChannelField("token", _("The bot’s token"), _("as in 123456789:AAH and so on"), secret=True),
            ChannelField("chat", _("Your number, or that of a group")),
        ),
        _maker_learns("Telegram"),
        _telegram_address,
    )


def _home_assistant() -> ChannelForm:
    return ChannelForm(
        "Home Assistant",
        _(
            "In Home Assistant, open your profile, then “Security”, and make a long-lived access token. "
            "Messages show in its list of notifications."
        ),
        (
            ChannelField("server", _("Its address"), _("as in http://192.168.1.20:8123")),
            ChannelField("token", _("The token"), secret=True),
        ),
        _server_learns(),
        _home_assistant_address,
        own_server=True,
        usually_inside=True,
    )


def _matrix() -> ChannelForm:
    return ChannelForm(
        "Matrix",
        _("Use an account made for this, and invite it to a room with you. Its app shows the access token."),
        (
            ChannelField("server", _("Its server"), _("as in matrix.org")),
            ChannelField("token", _("The account’s access token"), secret=True),
            ChannelField("room", _("The room"), _("as in #family:matrix.org")),
        ),
        _server_learns(),
        _matrix_address,
        own_server=True,
    )


def _pushover() -> ChannelForm:
    return ChannelForm(
        "Pushover",
        _("On Pushover’s site, make an application. It gives you a token for it."),
        (
            ChannelField("user", _("Your user key"), secret=True),
            ChannelField("token", _("The application’s token"), secret=True),
        ),
        _maker_learns("Pushover"),
        lambda values: f"pover://{_quoted(values['user'])}@{_quoted(values['token'])}",
    )


def _other() -> ChannelForm:
    return ChannelForm(
        _("Another service"),
        _(
            "For Signal, Discord, Nextcloud Talk and others. Apprise is the program that sends. Its guide "
            "says how the address of each service is written."
        ),
        (ChannelField("address", _("Its Apprise address"), _("as in discord:// and so on"), secret=True),),
        _(
            "Messages go to the service or the server in this address. Whoever runs it can read them. On "
            "the internet, it also learns your home’s internet address, and when a message came."
        ),
        _apprise_address,
        own_server=True,
    )


def _server_learns() -> str:
    return _(
        "Messages go to the server that you enter here. Whoever runs it can read them. On the internet, it "
        "also learns your home’s internet address, and when a message came."
    )


def _maker_learns(name: str) -> str:
    return _(
        "Messages go over the internet to the makers of %(name)s. They can read them. They also learn your "
        "home’s internet address, and when a message came.",
        name=name,
    )


def _topic_address(values: Mapping[str, str]) -> str:
    if not is_ntfy(values["address"]):
        raise FormError(_("This is not a web address. It begins with https:// or http://."))
    return values["address"]


def _apprise_address(values: Mapping[str, str]) -> str:
    if is_ntfy(values["address"]) or not service_name(values["address"]):
        raise FormError(_("No service that can be used here has an address like this."))
    return values["address"]


def _mail_address(values: Mapping[str, str]) -> str:
    sender = _MAIL.fullmatch(values["sender"])
    to = values["to"] or values["sender"]
    if sender is None or _MAIL.fullmatch(to) is None:
        raise FormError(_("Write an e-mail address as in name@example.org."))
    domain = sender[2].lower()
    address = f"mailtos://{_quoted(sender[1])}:{_quoted(values['password'])}@{domain}"
    server = _SERVER.fullmatch(values["server"] or _MAIL_SERVERS.get(domain, ""))
    if server is not None:
        port = f":{server[2]}" if server[2] else ""
        mode = "&mode=ssl" if server[2] == TLS_PORT else ""
        address += f"{port}?smtp={server[1]}&user={_quoted(values['sender'])}{mode}&to={_quoted(to)}"
    elif values["server"]:
        raise FormError(_("Write the mail server as in smtp.example.org or smtp.example.org:465."))
    else:
        address += f"?to={_quoted(to)}"
    return address


def _telegram_address(values: Mapping[str, str]) -> str:
    if _BOT.fullmatch(values["token"]) is None:
        raise FormError(_("This is not the token of a bot. Copy the whole line that @BotFather sent."))
    if _CHAT.fullmatch(values["chat"]) is None:
        raise FormError(_("A number in Telegram has digits only. That of a group begins with a minus."))
    return f"tgram://{values['token']}/{values['chat']}/"


def _home_assistant_address(values: Mapping[str, str]) -> str:
    scheme, place = _server(values["server"])
    return f"{'hassios' if scheme == 'https' else 'hassio'}://{place}/{_quoted(values['token'])}"


def _matrix_address(values: Mapping[str, str]) -> str:
    scheme, place = _server(values["server"])
    if values["room"][:1] not in "#!" or len(values["room"]) < 2:
        raise FormError(_("The name of a room begins with # or !."))
    kind = "matrix" if scheme == "http" else "matrixs"
    return f"{kind}://{_quoted(values['token'])}@{place}/{_quoted(values['room'])}"


def _server(text: str) -> tuple[str, str]:
    """Return the scheme of a typed server address, empty for none, and its host with the port.

    Raises: FormError if it is invalid.
    """
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("", "http", "https") or parts.path.strip("/") or "@" in parts.netloc:
        raise FormError(_("Write the server’s address as in http://192.168.1.20:8123 or example.org."))
    host = f"[{host}]" if ":" in host else host
    return parts.scheme, f"{host}:{port}" if port else host


def _quoted(text: str) -> str:
    return quote(text, safe="")
