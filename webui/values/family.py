"""The family's settings in `qalqan.yaml`, as the verb `family` reports them, and their choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from webui.language.i18n import gettext as _
from webui.values.shapes import Answer, refuse_shape

STRANGERS = ("guest", "quarantine", "home")  # choices for unknown devices besides a child
ACCESS = ("closed", "open")


@dataclass(frozen=True, slots=True)
class OfRouter:
    """Settings of the router. The pages cannot change them."""

    option: str
    value: str
    file: str


@dataclass(frozen=True, slots=True)
class Family:
    country: str
    timezone: str
    language: str  # default language of the pages; empty: none set
    unknown_devices: str  # one of STRANGERS, or a person's id
    gateway_access: str
    lists_update: str  # how often lists are downloaded: daily, weekly, off
    revision: int
    by_hand: bool  # the file has comments, which a change removes
    set_by: str
    set_at: datetime | None
    lan: tuple[str, ...] = ()
    interfaces: Mapping[str, str] = field(default_factory=dict)  # interface of lan → as unknown_devices
    router: tuple[OfRouter, ...] = ()


def parse_family(values: Mapping[str, Any]) -> Family:
    answer = Answer(values)
    changed, interfaces, lists = answer.entry("set"), answer.entry("interfaces"), answer.entry("lists")
    networks = interfaces.values if interfaces else {}
    if not all(isinstance(network, str) for network in networks.values()):
        refuse_shape("interfaces")
    return answer.read(
        Family,
        set_by=changed.text("by") if changed else "",
        set_at=changed.moment("at") if changed else None,
        interfaces=dict(networks),
        lists_update=lists.text("update") if lists else "",
        router=tuple(row.read(OfRouter) for row in answer.entries("router")),
    )


def countries() -> dict[str, str]:
    """Return the countries with known help lines and public holidays by code, sorted by name."""
    known = {
        "at": _("Austria"), "au": _("Australia"), "be": _("Belgium"), "bg": _("Bulgaria"),
        "cy": _("Cyprus"), "cz": _("Czechia"), "de": _("Germany"), "dk": _("Denmark"), "ee": _("Estonia"),
        "es": _("Spain"), "fi": _("Finland"), "fr": _("France"), "gb": _("United Kingdom"),
        "gr": _("Greece"), "hr": _("Croatia"), "hu": _("Hungary"), "ie": _("Ireland"), "it": _("Italy"),
        "kz": _("Kazakhstan"), "lt": _("Lithuania"), "lu": _("Luxembourg"), "lv": _("Latvia"),
        "mt": _("Malta"), "nl": _("Netherlands"), "pl": _("Poland"), "pt": _("Portugal"),
        "ro": _("Romania"), "ru": _("Russia"), "se": _("Sweden"), "si": _("Slovenia"),
        "sk": _("Slovakia"), "us": _("United States"),
    }  # fmt: skip
    return dict(sorted(known.items(), key=lambda item: item[1].casefold()))


def strangers() -> dict[str, tuple[str, str]]:
    """Return the choices for unknown devices: word, label and meaning."""
    return {
        "guest": (
            _("A guest"),
            _(
                "Open, but for what the youngest children may not see. Closed at night."
                " Nothing is written down."
            ),
        ),
        "quarantine": (
            _("Closed until somebody says whose it is"),
            _("It reaches help and our page, and nothing else."),
        ),
        "home": (
            _("A thing of the house"),
            _("Open at all times. Only malware and what is refused for everyone stays closed."),
        ),
    }


def access() -> dict[str, tuple[str, str]]:
    return {
        "closed": (
            _("Our pages alone"),
            _("Children and guests reach these pages, names and time, and nothing else of the gateway."),
        ),
        "open": (
            _("Everything on it"),
            _("Its own pages, SSH and shared files too: whoever knows its password can change it."),
        ),
    }
