"""Menu paths on devices for the settings behind blocked methods: `profiles/menus.yaml` → Menus.

The words are those that the system shows, in each language in which they are known; English otherwise. The
format::

    menus:
      - id: private-dns-android
        topic: private_dns              # one of policy/alerts/cards.py CardTopic
        name: {en: Android}             # of the device or program; other languages where they differ
        devices: [android-phone]        # ids of profiles/fingerprints.yaml
        kinds: [phone, tablet]          # where nothing but the kind is known; ``any``: where nothing is
        since: "9"                      # the version from which the menu is like this; empty: not known
        steps:                          # from the first tap to the choice
          en: [Settings, Network & internet, Private DNS, Automatic]
        status: seen                    # one of STATUSES: how the words are known
        source: where the words are from
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gateway.policy.alerts.cards import CardTopic
from gateway.policy.identity.device_kinds import DEVICE_KINDS
from gateway.policy.names.categories import LANGUAGES
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, shown

T = TypeVar("T")

ANY = "any"
STATUSES = (
    "seen",  # in public text of the last years
    "unverified",  # general knowledge
)
SHOWN = 3  # for a device that is not known well
MAX_MENUS = 128  # a file of the product; 700 bytes each
MAX_STEPS = 8
MAX_STEP = 60  # characters; a phone's buttons have fewer
_KEYS = ("id", "topic", "name", "devices", "kinds", "since", "steps", "status", "source")


@dataclass(frozen=True, slots=True)
class Menu:
    id: str
    topic: CardTopic
    name: Mapping[str, str]  # language → text
    devices: frozenset[str]  # ids of fingerprints
    kinds: frozenset[str]
    since: str
    steps: Mapping[str, tuple[str, ...]]  # by language
    status: str
    source: str


@dataclass(frozen=True, slots=True)
class Menus:
    entries: tuple[Menu, ...] = ()

    def of(self, topic: CardTopic, device: str, kind: str) -> tuple[Menu, ...]:
        """Return the menu paths on a device for the setting that an alert's topic is about.

        They are at most SHOWN, in file order, chosen by the fingerprint ``device``, else by the device type
        ``kind``, else the likely ones; both are empty if unknown. A device with an entry of its own gets only
        its own menus: an iPhone is never shown Android's.
        """
        about = [entry for entry in self.entries if entry.topic is topic]
        if any(device in entry.devices for entry in self.entries):
            found = [menu for menu in about if device in menu.devices]
        else:
            found = [menu for menu in about if (kind or ANY) in menu.kinds]
        return tuple(found[:SHOWN])


def parse_menus(source: str | bytes, file: str, devices: Collection[str]) -> Menus:
    """Return the menu paths on devices in a YAML file. ``devices``: the valid fingerprint ids.

    Raises PolicyError with file, line, key and fix if it is invalid.
    """
    top = fields.Fields(parse_document(source, file), ("menus",))
    menus: dict[str, Menu] = {}
    for node in fields.entries(top.need("menus"), MAX_MENUS):
        menu = _menu(fields.Fields(fields.mapping(node), _KEYS), devices)
        if menu.id in menus:
            node.place.refuse(f"the entry {shown(menu.id)} is there twice", "give each its own id")
        menus[menu.id] = menu
    return Menus(tuple(menus.values()))


def _menu(part: fields.Fields, devices: Collection[str]) -> Menu:
    key = fields.ident(part.need("id"))
    if "devices" not in part and "kinds" not in part:
        part.place.refuse("is for no device", "add a line 'devices: …' or 'kinds: …'")
    return Menu(
        id=key,
        topic=CardTopic(fields.choice(part.need("topic"), [topic.value for topic in CardTopic])),
        name=_by_language(part.need("name"), fields.text),
        devices=part.read("devices", lambda node: _choices(node, devices), frozenset()),
        kinds=part.read("kinds", lambda node: _choices(node, (*DEVICE_KINDS, ANY)), frozenset()),
        since=part.read("since", fields.text, ""),
        steps=_by_language(part.need("steps"), _steps),
        status=fields.choice(part.need("status"), STATUSES),
        source=fields.text(part.need("source")),
    )


def _choices(node: Node, known: Collection[str]) -> frozenset[str]:
    return frozenset(fields.choice(item, known) for item in fields.items(node))


def _by_language(node: Node, read: Callable[[Node], T]) -> dict[str, T]:
    part = fields.Fields(fields.mapping(node), LANGUAGES)
    part.need("en")
    return {language: read(part.need(language)) for language in LANGUAGES if language in part}


def _steps(node: Node) -> tuple[str, ...]:
    steps = fields.texts(node)
    if not 1 <= len(steps) <= MAX_STEPS:
        node.place.refuse(f"has {len(steps)} steps", f"write 1 to {MAX_STEPS}, from the first tap on")
    for step in steps:
        if len(step) > MAX_STEP:
            node.place.refuse(
                f"{shown(step)} is longer than {MAX_STEP} characters", "write the menu's word alone"
            )
    return steps


def in_language(by_language: Mapping[str, T], language: str) -> T:
    """Return the value for ``language``, or the English one if there is none."""
    return by_language.get(language) or by_language["en"]


def path(steps: Iterable[str]) -> str:
    """Return the steps of a menu path as text: ``Settings › Network & internet › Private DNS``."""
    return " › ".join(steps)
