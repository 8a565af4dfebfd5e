"""The provider's branding of the pages: `brand` in `qalqan.yaml`, or the router's own → Brand.

A brand only changes the appearance. Invalid parts are left out and reported in one line; the filter still
starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.errors import PolicyError
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

OWN_NAME = "Qalqan"
MAX_NAME = 40  # letters: two lines on a phone, next to a button
MAX_SUPPORT = 120  # characters
LOGOS = (".svg", ".png")

# Backgrounds of webui/static/style.css behind text and lines in the accent colour. Text on the accent is
# white in the light theme.
GROUNDS = ("#f8f5ee", "#ffffff", "#f1ede3", "#fbeed5")
NIGHT_GROUNDS = ("#111814", "#1a231e", "#232e28", "#3d2f14")
MIN_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text of normal size

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII | re.IGNORECASE)
_PAGE = re.compile(r"https?://[!#-;=?-~]+", re.ASCII)  # no quotes, no angle brackets
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{1,30}[0-9]|[0-9]{2,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Brand:
    """The provider's name, colour, logo and support address for the pages."""

    name: str = OWN_NAME
    colour: str = ""  # #rrggbb, lower case; empty: the default
    logo: str = ""  # path of a file; empty: the product's drawing
    support: str = ""  # as shown to people; `support_link` is its URL
    problems: tuple[str, ...] = ()  # reasons for parts that were left out

    @property
    def support_link(self) -> str:
        """The URL of the support address: http(s), ``mailto:`` or ``tel:``; empty if there is none."""
        if not self.support or _PAGE.fullmatch(self.support):
            return self.support
        if "@" in self.support:
            return f"mailto:{self.support}"
        return "tel:" + "".join(char for char in self.support if char in "+0123456789")


def read_brand(node: Node) -> Brand:
    """Return the brand in a YAML node; an invalid value gives the default and a line in ``problems``.

    Raises PolicyError if the node is no mapping, or has an unknown key.
    """
    part = fields.Fields(fields.mapping(node), ("name", "colour", "logo", "support"))
    problems: list[str] = []

    def read(key: str, how: Callable[[Node], str], default: str = "") -> str:
        try:
            return part.read(key, how, default)
        except PolicyError as error:
            problems.append(str(error))
            return default

    return Brand(
        name=read("name", _name, OWN_NAME),
        colour=read("colour", _colour),
        logo=read("logo", _logo),
        support=read("support", _support),
        problems=tuple(problems),
    )


def _name(node: Node) -> str:
    name = " ".join(fields.text(node).split())
    if len(name) > MAX_NAME:
        node.place.refuse(f"has {len(name)} letters, more than {MAX_NAME}", "shorten it")
    return name


def _colour(node: Node) -> str:
    word = fields.text(node).lower()
    if _COLOUR.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no colour", "write it like #1f5b43")
    found = min(contrast(word, ground) for ground in GROUNDS)
    if found < MIN_CONTRAST:
        problem = f"{word} has a contrast of {int(found * 10) / 10} on the pages, less than {MIN_CONTRAST}"
        node.place.refuse(problem, "take a darker one: for the night the pages lighten it by themselves")
    return word


def _logo(node: Node) -> str:
    path = fields.full_path(node)
    if not path.lower().endswith(LOGOS):
        node.place.refuse(f"{shown(path)} is neither an SVG nor a PNG file", "name one that ends so")
    return path


def _support(node: Node) -> str:
    word = fields.text(node)
    if len(word) > MAX_SUPPORT:
        node.place.refuse(f"has {len(word)} characters, more than {MAX_SUPPORT}", "shorten it")
    if not any(pattern.fullmatch(word) for pattern in (_PAGE, _MAIL, _PHONE)):
        fix = "write a page's address with https://, a mail address or a telephone number"
        node.place.refuse(f"{shown(word)} is no address", fix)
    return word


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio of two colours (``#rrggbb``) as in WCAG 2.2: 1 to 21."""
    light, dark = sorted((luminance(colour), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (``#rrggbb``) as in WCAG 2.2: 0 to 1."""
    red, green, blue = (_linear(part) for part in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of a colour such as ``#1f5b43``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
