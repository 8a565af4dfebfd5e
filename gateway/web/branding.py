"""Turns a brand into what the pages load: a few lines of CSS, and a checked logo.

Runs in the process that starts the pages, before it executes them: their memory has none of this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from html import unescape
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.policy.config.brand import MIN_CONTRAST, NIGHT_GROUNDS, OWN_NAME, Brand, channels, contrast
from gateway.policy.yaml.fields import shown

MOST_BYTES = 8_000  # of a logo: with it, a first visit to the longest page, 70 kB, loads at most 80 kB
MOST_POINTS = 512  # width and height of a PNG: a phone decompresses it in memory
STAMP = 8  # bytes

WHITE, NIGHT = "#ffffff", "#1a231e"
ON_GREEN_AT_NIGHT = "#0d2117"  # from static/dark.css
TINT, TINT_AT_NIGHT = 12, 22  # percent of the accent colour in a tint, at first

# Layout for a name of forty letters next to the owner of the page and the sign-out link.
LONG_NAME = (
    ".brand{min-width:0;overflow-wrap:anywhere;font-size:.9rem;line-height:1.25}.brand .icon{flex:none}"
    ".top>:not(.brand){flex:none;max-width:40%}"
)

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_SHAPES = frozenset({
    "svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "text", "tspan", "style", "linearGradient", "radialGradient", "stop", "clipPath",
})  # fmt: skip
_SVG = "http://www.w3.org/2000/svg"
_HEAD = re.compile(r"\ufeff?\s*(<\?xml\s[^<>]*\?>)?")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<(/?)([A-Za-z]+)((?:\s[^<>]*?)?)/?>")
_ATTRIBUTE = re.compile(r"""\s+([A-Za-z_][\w:.-]*)\s*=\s*("[^"]*"|'[^']*')""")
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")
_LINKS = frozenset({"href", "xlink:href", "src"})
_SPACES = ("xmlns", "xml:space", "xml:lang", "xlink:href")
# CSS that can load or hide something.
_STYLE = re.compile(
    r"url\(\s*['\"]?(?!#|['\"#])|\b(src|image|image-set)\(|[@\\]|expression|import", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class BrandStyle:
    """The CSS of a provider's brand for the pages. ``dark``: additional rules of the dark theme."""

    style: str
    dark: str


@dataclass(frozen=True, slots=True)
class LogoFile:
    """A logo file that was checked: its path, its media type, and a digest of its bytes."""

    path: str
    type: str
    stamp: str  # digest of its bytes: the pages show no other content


def read_logo(path: str) -> LogoFile:
    """Check a PNG or SVG file and return it as a logo.

    Raises PolicyError if it cannot be read, is too large, or has parts that the pages must not show.
    """
    data = read_bounded(Path(path), MOST_BYTES)
    if len(data) > MOST_BYTES:
        raise PolicyError(path, f"is larger than {MOST_BYTES} bytes", "make it smaller")
    if data.startswith(_PNG):
        _look_at_png(path, data)
        return LogoFile(path, "image/png", stamp_of(data))
    _look_at_svg(path, data)
    return LogoFile(path, "image/svg+xml", stamp_of(data))


def stamp_of(data: bytes) -> str:
    return blake2b(data, digest_size=STAMP).hexdigest()


def _look_at_png(path: str, data: bytes) -> None:
    sides = [int.from_bytes(data[at : at + 4], "big") for at in (len(_PNG), len(_PNG) + 4)]
    if not all(1 <= side <= MOST_POINTS for side in sides):
        problem = f"is a PNG of {sides[0]} by {sides[1]} pixels"
        raise PolicyError(path, problem, f"make it {MOST_POINTS} by {MOST_POINTS} at most")


def _look_at_svg(path: str, data: bytes) -> None:
    """Raise PolicyError unless an SVG has only shapes and text, all of which this check can parse."""
    fix = "save it as plain SVG with shapes, gradients and text only"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise PolicyError(path, "is neither a PNG nor an SVG in UTF-8", fix) from None
    text = _COMMENT.sub("", text[_HEAD.match(text).end() :])  # type: ignore[union-attr]
    problem = _first_problem(text)
    if problem:
        raise PolicyError(path, problem, fix)


def _first_problem(text: str) -> str:
    if entity := _ENTITY.search(text):
        return f"has an entity of its own: {shown(text[entity.start() : entity.start() + 20])}"
    between = _TAG.sub("", text)
    if "<" in between or ">" in between:
        at = min(at for at in (between.find("<"), between.find(">")) if at >= 0)
        return f"has something that is no shape: {shown(between[at : at + 20])}"
    if _STYLE.search(unescape(between)):
        return "has a style that could load something"
    tags = list(_TAG.finditer(text))
    if not tags or tags[0][2] != "svg" or f'xmlns="{_SVG}"' not in tags[0][3].replace("'", '"'):
        return "does not begin as an SVG"
    return next((problem for tag in tags if (problem := _of_tag(tag[2], tag[3]))), "")


def _of_tag(name: str, attributes: str) -> str:
    if name not in _SHAPES:
        return f"has something that is no shape: <{name}>"
    rest = _ATTRIBUTE.sub("", attributes).strip()
    if rest:
        return f"has something that is no attribute: {shown(rest)}"
    for key, quoted in _ATTRIBUTE.findall(attributes):
        value = unescape(quoted[1:-1]).strip()
        if key.lower().startswith("on") or (":" in key and not key.startswith(_SPACES)):
            return f"has an attribute that no shape needs: {shown(key)}"
        if key.lower() in _LINKS and not value.startswith("#"):
            return f"leads elsewhere: {shown(value)}"
        if not key.startswith("xmlns") and (_STYLE.search(value) or "script:" in value.lower()):
            return f"has a style that could load something: {shown(value)}"
    return ""


def style_of(brand: Brand, *, logo: bool) -> BrandStyle:
    """Return the CSS to add to webui/static/style.css and dark.css for a brand; empty for Qalqan's own.

    ``logo``: whether the brand has one.
    """
    parts = []
    if brand.name != OWN_NAME:
        parts.append(LONG_NAME)
    if logo:
        parts.append(".logo{height:32px;max-width:120px;object-fit:contain;flex:none}")
    night = ""
    if brand.colour:
        parts.append(f":root{{{_day(brand.colour)}}}")
        night += f":root{{{_night(brand.colour)}}}"
    if logo:
        night += ".logo{background:#fff;border-radius:6px;padding:2px}"
    return BrandStyle("".join(parts), night)


def _day(colour: str) -> str:
    tint = _tint(colour, WHITE, TINT)
    return f"--green:{colour};--tint:{tint};--on-tint:{colour}"


def _night(colour: str) -> str:
    light = for_night(colour)
    tint = _tint(light, NIGHT, TINT_AT_NIGHT)
    return f"--green:{light};--tint:{tint};--on-tint:{light}"


def for_night(colour: str) -> str:
    """Return the colour, lightened as little as it needs on dark pages, and as a button with dark text."""
    grounds = (*NIGHT_GROUNDS, ON_GREEN_AT_NIGHT)
    lighter = (mixed(WHITE, colour, percent) for percent in range(101))
    return next(
        shade for shade in lighter if all(contrast(shade, ground) >= MIN_CONTRAST for ground in grounds)
    )


def _tint(colour: str, ground: str, percent: int) -> str:
    """Return the strongest mix of ``colour`` into ``ground`` on which the colour itself is readable.

    ``percent``: the largest share of the colour.
    """
    tints = (mixed(colour, ground, share) for share in range(percent, -1, -1))
    return next(tint for tint in tints if contrast(colour, tint) >= MIN_CONTRAST)


def mixed(colour: str, ground: str, percent: int) -> str:
    """Return a mix of ``colour`` (``percent`` of it) and ``ground`` (the rest), as ``#rrggbb``."""
    pairs = zip(channels(colour), channels(ground), strict=True)
    return "#" + "".join(
        f"{round((one * percent + other * (100 - percent)) / 100):02x}" for one, other in pairs
    )
