"""A provider's colour is read on every ground, and its logo is shapes alone."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.policy.config.brand import GROUNDS, MIN_CONTRAST, NIGHT_GROUNDS, Brand, contrast, read_brand
from gateway.policy.yaml.documents import parse_document
from gateway.web.branding import (
    MOST_BYTES,
    NIGHT,
    ON_GREEN_AT_NIGHT,
    WHITE,
    BrandStyle,
    for_night,
    read_logo,
    style_of,
)
from tests.policy.homes import refusal
from tests.web.branding.logos import SVG, png

SHEETS = Path(__file__).resolve().parents[2] / "webui" / "static"


def brand(text: str) -> Brand:
    return read_brand(parse_document(f"brand: {{{text}}}", "qalqan.yaml").entries["brand"])


def colours(part: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): ?(#[0-9a-f]{6})", part))


def test_the_grounds_are_those_of_the_pages() -> None:
    day, night = (colours((SHEETS / name).read_text()) for name in ("style.css", "dark.css"))
    names = ("ground", "surface", "sunken", "accent")
    assert tuple(day[name] for name in names) == GROUNDS
    assert tuple(night[name] for name in names) == NIGHT_GROUNDS
    assert (day["surface"], day["on-green"], night["surface"]) == (WHITE, WHITE, NIGHT)
    assert night["on-green"] == ON_GREEN_AT_NIGHT


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#767676", "#ffffff", 4.54)],
)
def test_contrast_is_wcag_s(one: str, other: str, ratio: float) -> None:
    assert round(contrast(one, other), 2) == round(contrast(other, one), 2) == ratio


def test_what_a_brand_says() -> None:
    read = brand("name: '  Alma   Net ', colour: '#7A1F5B', logo: /a/logo.SVG, support: '+7 (727) 123-45-67'")
    assert (read.name, read.colour, read.logo) == ("Alma Net", "#7a1f5b", "/a/logo.SVG")
    assert (read.support, read.support_link) == ("+7 (727) 123-45-67", "tel:+77271234567")
    assert read.problems == ()
    assert brand("support: help@isp.example").support_link == "mailto:help@isp.example"
    assert brand("support: 'https://isp.example/?q=1&r=2'").support_link == "https://isp.example/?q=1&r=2"
    assert brand("support: 165").support_link == "tel:165"
    assert brand("name: Қамқор").support_link == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"name: {'a' * 41}", "brand.name: has 41 letters, more than 40; shorten it"),
        ("name: ''", "brand.name: is empty"),
        ('name: "a\\u202eb"', "brand.name: holds a character that does not print"),
        ("colour: red", "brand.colour: 'red' is no colour; write it like #1f5b43"),
        ("colour: '#ff0000'", "brand.colour: #ff0000 has a contrast of 3.4 on the pages, less than 4.5"),
        ("logo: logo.svg", "brand.logo: 'logo.svg' is not a full path"),
        ("logo: /a/logo.gif", "brand.logo: '/a/logo.gif' is neither an SVG nor a PNG file"),
        ("support: 'javascript:alert(1)'", "brand.support: 'javascript:alert(1)' is no address"),
        ("support: 'https://a.example/\"onclick='", "is no address"),
        ("support: ask at the shop", "brand.support: 'ask at the shop' is no address"),
        (f"support: {'1' * 121}", "brand.support: has 121 characters, more than 120"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_reported(text: str, says: str) -> None:
    read = brand(f"{text}{'' if text.startswith('name') else ', name: Alma'}")
    (problem,) = read.problems
    assert says in problem
    assert problem.startswith("qalqan.yaml:1: ")
    assert read.name == ("Qalqan" if text.startswith("name") else "Alma")
    assert (read.colour, read.logo, read.support) == ("", "", "")


def test_a_brand_of_unknown_keys_is_refused() -> None:
    with pytest.raises(PolicyError, match="did you mean 'colour'"):
        brand("color: '#000000'")


@given(st.integers(0, 0xFFFFFF).map("#{:06x}".format))
@example("#000000")
@example("#0000ff")
@example("#7a1f5b")
@settings(max_examples=150, deadline=None)
def test_each_colour_that_is_taken_can_be_read_everywhere(colour: str) -> None:
    taken = brand(f"colour: '{colour}'").colour
    assert bool(taken) is all(contrast(colour, ground) >= MIN_CONTRAST for ground in GROUNDS)
    if not taken:
        return
    style = style_of(Brand(colour=taken), logo=False)
    day, night = colours(style.style), colours(style.dark)
    assert day["green"] == taken
    for look, grounds, on in ((day, GROUNDS, WHITE), (night, NIGHT_GROUNDS, ON_GREEN_AT_NIGHT)):
        for ground in (*grounds, look["tint"]):
            assert contrast(look["green"], ground) >= MIN_CONTRAST
        assert contrast(look["green"], on) >= MIN_CONTRAST
        assert contrast(look["on-tint"], look["tint"]) >= MIN_CONTRAST
    assert for_night(taken) == night["green"]


def test_our_own_look_needs_no_style() -> None:
    assert style_of(Brand(), logo=False) == BrandStyle("", "")
    assert "logo" not in style_of(Brand(name="Alma"), logo=False).style


# ---------------------------------------------------------------------------------------- logos


def of_file(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "logo"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(("data", "kind"), [(SVG, "image/svg+xml"), (png(), "image/png")])
def test_a_plain_logo_is_taken(tmp_path: Path, data: bytes, kind: str) -> None:
    logo = read_logo(of_file(tmp_path, data))
    assert (logo.type, len(logo.stamp)) == (kind, 16)


HEAD = b'<svg xmlns="http://www.w3.org/2000/svg">'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (HEAD + b"<script>alert(1)</script></svg>", "has something that is no shape: <script>"),
        (HEAD + b"<SCRIPT/></svg>", "has something that is no shape: <SCRIPT>"),
        (HEAD + b"<foreignObject><p>a</p></foreignObject></svg>", "no shape: <foreignObject>"),
        (HEAD + b'<image href="/parent/"/></svg>', "no shape: <image>"),
        (HEAD + b'<use href="#a"/></svg>', "no shape: <use>"),
        (HEAD + b'<a href="https://a.example"><path d=""/></a></svg>', "no shape: <a>"),
        (HEAD + b'<svg:script xmlns:svg="http://www.w3.org/2000/svg"/></svg>', "is no shape"),
        (HEAD + b'<path onload="alert(1)"/></svg>', "an attribute that no shape needs: 'onload'"),
        (HEAD + b'<path ONLOAD = "alert(1)"/></svg>', "an attribute that no shape needs: 'ONLOAD'"),
        (HEAD + b"<path onload=alert(1) /></svg>", "has something that is no attribute"),
        (HEAD + b'<path inkscape:x="1"/></svg>', "an attribute that no shape needs: 'inkscape:x'"),
        (HEAD + b'<linearGradient href="https://a.example/x#g"/></svg>', "leads elsewhere"),
        (HEAD + b'<linearGradient href="&#106;avascript:alert(1)"/></svg>', "leads elsewhere"),
        (HEAD + b'<path fill="url(https://a.example/x)"/></svg>', "a style that could load something"),
        (HEAD + b"<path fill=\"url( 'https://a.example/x')\"/></svg>", "a style that could load something"),
        (HEAD + b'<path style="fill:u\\72l(//a)"/></svg>', "a style that could load something"),
        (HEAD + b'<path style="fill:&#117;rl(//a.example)"/></svg>', "a style that could load something"),
        (HEAD + b"<style>path{fill:u&#x72;l(//a)}</style></svg>", "a style that could load something"),
        (HEAD + b"<style>svg{background:image-set('//a' 1x)}</style></svg>", "a style that could load"),
        (HEAD + b"<path style=\"background:src('//a')\"/></svg>", "a style that could load something"),
        (HEAD + b"<style>@import 'https://a.example'</style></svg>", "a style that could load something"),
        (HEAD + b"<style>path{fill:url(//a.example)}</style></svg>", "a style that could load something"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + HEAD + b"</svg>", "has something that is no shape: '<!"),
        (HEAD + b"<text>&a;</text></svg>", "has an entity of its own: '&a;"),
        (HEAD + b"<![CDATA[<script>]]></svg>", "has something that is no shape"),
        (HEAD + b"<?xml-stylesheet href='https://a.example'?></svg>", "has something that is no shape"),
        (b"<html><body>a</body></html>", "does not begin as an SVG"),
        (b'<svg><path d=""/></svg>', "does not begin as an SVG"),
        (b"plain text", "does not begin as an SVG"),
        (b"GIF89a\xff", "is neither a PNG nor an SVG in UTF-8"),
        ("<svg/>".encode("utf-16"), "is neither a PNG nor an SVG in UTF-8"),
        (png(520, 32), "is a PNG of 520 by 32 pixels"),
        (png()[:16], "is a PNG of 0 by 0 pixels"),
        (b" " * (MOST_BYTES + 1), f"is larger than {MOST_BYTES} bytes; make it smaller"),
    ],
)
def test_what_is_no_plain_logo_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = of_file(tmp_path, data)
    with pytest.raises(PolicyError) as refused:
        read_logo(path)
    assert says in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=60), st.integers(0, len(SVG)))
@settings(max_examples=150, deadline=None)
def test_a_damaged_logo_is_taken_or_refused_in_one_line(data: bytes, at: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(SVG[:at] + data + SVG[at:])
        file.flush()
        assert "\n" not in refusal(lambda: read_logo(file.name))
