"""The texts of a bypass alert (card) for guardians: on the pages, in events and on the command line."""

from __future__ import annotations

from typing import Protocol

from gateway.policy.language import Language

TUNNELS = {
    "wireguard": "WireGuard",
    "openvpn": "OpenVPN",
    "ipsec": "IPsec",
    "l2tp": "L2TP",
    "pptp": "PPTP",
}


class DescribedCard(Protocol):
    """The interface to a bypass alert (card): an `AlertCard`, or its record of the control socket."""

    @property
    def topic(self) -> str: ...
    @property
    def host(self) -> str | None: ...
    @property
    def proto(self) -> str | None: ...
    @property
    def sure(self) -> bool: ...
    @property
    def solved(self) -> bool: ...


def card_title(card: DescribedCard, name: str, language: Language) -> str:
    """Return the title of a bypass alert: what was detected on the device ``name``, without a full stop."""
    _ = language.gettext
    match card.topic:
        case "private_dns" if card.sure:
            return _("%(name)s uses Private DNS", name=name)
        case "private_dns":
            return _("%(name)s seems to use Private DNS", name=name)
        case "app_dns":
            return _("An app on %(name)s uses its own DNS", name=name)
        case "vpn":
            return _("A VPN was tried on %(name)s", name=name)
        case "tor":
            return _("Tor was tried on %(name)s", name=name)
        case "proxy":
            return _("A proxy was tried on %(name)s", name=name)
    return _("SSH was tried on %(name)s", name=name)


def card_facts(card: DescribedCard, language: Language) -> str:
    """Return a few sentences that explain a bypass alert: what was detected and blocked, and its effect."""
    _ = language.gettext
    sentences = {"private_dns": _private_dns, "app_dns": _app_dns, "vpn": _vpn}
    describe = sentences.get(card.topic)
    found = _other(card.topic, language) if describe is None else describe(card, language)
    return f"{found} {_('No more attempts since.')}" if card.solved else found


def _private_dns(card: DescribedCard, language: Language) -> str:
    _ = language.gettext
    if card.host:
        resolver = _("It uses %(host)s as its DNS server instead of this home.", host=card.host)
    else:
        resolver = _("It uses another DNS server instead of this home.")
    effect = _(
        "Rules cannot work with it, so it is blocked. The device has no internet until you change this."
    )
    if card.sure:
        return f"{resolver} {effect}"
    doubt = _("The device asks for this name again and again, and for nothing else.")
    return f"{resolver} {effect} {doubt}"


def _app_dns(card: DescribedCard, language: Language) -> str:
    _ = language.gettext
    if card.host:
        resolver = _(
            "A browser or an app uses %(host)s as its DNS server instead of this home.", host=card.host
        )
    else:
        resolver = _("A browser or an app uses another DNS server instead of this home.")
    effect = _("This is blocked. If its pages do not open, turn it off in its settings.")
    return f"{resolver} {effect}"


def _vpn(card: DescribedCard, language: Language) -> str:
    _ = language.gettext
    tunnel = TUNNELS.get(card.proto or "")
    if tunnel is None:
        found = _("It was blocked.")
    else:
        found = _("Type: %(proto)s. It was blocked.", proto=tunnel)
    return f"{found} {_('While it is on, nothing else may work on the device.')}"


def _other(topic: str, language: Language) -> str:
    _ = language.gettext
    if topic == "tor":
        return _("It was blocked. Close its app: Tor Browser or Orbot.")
    if topic == "proxy":
        return _("It was blocked. It is set for the Wi-Fi or in an app.")
    return _(
        "It was blocked. Programs for learning to code use it, and it can carry a tunnel. You do not "
        "have to change anything."
    )


def card_sentence(card: DescribedCard, name: str, language: Language, where: str = "") -> str:
    """Return title and explanation of a bypass alert as one text for the API.

    ``where``: the path to the setting in the device's menus; empty: unknown.
    """
    text = f"{card_title(card, name, language)}. {card_facts(card, language)}"
    return f"{text} {where}." if where else text
