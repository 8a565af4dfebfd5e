"""Colours of categories in charts."""

from __future__ import annotations

import re
from pathlib import Path

import webui
from gateway.household.loading import load_product
from webui.charts.hues import HUES, hue

CSS = (Path(webui.__file__).parent / "static" / "activity.css").read_text()
GROUNDS = ("#ffffff", "#1a231e")  # --surface, light and dark
LEAST = 3.0  # WCAG 2.2 1.4.11, of graphics


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_each_colour_is_seen_on_both_grounds_and_carries_white_letters() -> None:
    found = dict(re.findall(r"\.(hue-\w+) \{ --hue: (#[0-9a-f]{6})", CSS))
    assert set(found) == {hue(category) for category in (*HUES, "")}
    for colour in found.values():
        assert min(contrast(colour, ground) for ground in GROUNDS) >= LEAST
        assert contrast(colour, "#ffffff") >= 4.5


def test_only_categories_of_the_catalogue_have_a_colour_of_their_own() -> None:
    assert set(HUES) <= set(load_product().categories.by_id)
    assert hue("crypto") == hue("") == "hue-other"
