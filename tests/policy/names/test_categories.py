from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import webui
from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.policy.names.categories import LANGUAGES, parse_categories
from tests.policy.homes import product
from webui.language.i18n import load_catalogues

PROFILES = Path(__file__).resolve().parents[3] / "profiles"
TEXTS = "name: {en: A}, about: {en: A., ru: A.}"

# The categories of the bands, by the contract, and what binds everyone.
BAND_CATEGORIES = [
    "adult", "gambling", "drugs_alcohol_tobacco_sales", "weapons_sales", "gore_violence",
    "selfharm_promotion", "hate_extremism", "dating", "random_video_chat", "social_networks", "messaging",
    "video_sharing", "games", "ai", "ai_adults", "ai_companions", "proxy_vpn_doh", "tor", "piracy",
    "ads_trackers", "search_without_safe_mode", "new_domain", "streaming", "music", "shopping", "forums",
    "news", "productivity", "file_hosting", "crypto", "search", "education", "health", "device_updates",
]  # fmt: skip


@cache
def data(name: str) -> Any:
    return yaml.safe_load((PROFILES / name).read_bytes())


def test_the_shipped_file() -> None:
    known = product().categories
    assert set(BAND_CATEGORIES) <= set(known.choosable)
    assert known.binding == {"malware", "phishing", "csam"}
    assert known.sealed == {"csam"}
    assert not known.binding & set(known.choosable)


def test_each_category_has_one_sentence() -> None:
    """In the other languages: tests/webui/language/test_catalogues.py."""
    for one in product().categories.by_id.values():
        assert one.about["en"].endswith(".")
        assert one.about["en"].count(". ") == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("categories: {a b: {" + TEXTS + "}}", "'a b' is no id"),
        ("categories: {adult: {name: {ru: A}, about: {en: A.}}}", "has no 'en'"),
        ("categories: {adult: {" + TEXTS + ", sealed: true}}", "is sealed but not binding"),
        ("categories: {adult: {" + TEXTS + ", bind: true}}", "did you mean 'binding'?"),
        ("categories: {adult: {" + TEXTS + ", binding: perhaps}}", "is neither true nor false"),
        ("categoris: {}", "did you mean 'categories'?"),
        ("categories: []", "is a list, not a mapping"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match="; ") as refused:
        parse_categories(text, "categories.yaml")
    assert says in str(refused.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_title_is_nothing_else_s(language: str) -> None:
    """A parent reads titles of ages and of kinds of sites side by side: "Adult" would be either."""
    told = load_catalogues(Path(webui.__file__).with_name("translations"))[language]
    english = [one["name"]["en"] for one in data("categories.yaml")["categories"].values()]
    kinds = [told.pgettext("kind", one).casefold() for one in english]
    ages = [data(f"bands/{band.value}.yaml")["title"][language].casefold() for band in AgeBand]
    assert len({*kinds, *ages}) == len(kinds) + len(ages)


@pytest.mark.parametrize(
    ("group", "category"),
    [
        ("adult", "adult"), ("ai", "ai"), ("companions", "ai_companions"), ("crypto", "crypto"),
        ("dating", "dating"), ("education", "education"), ("gambling", "gambling"), ("games", "games"),
        ("piracy", "piracy"), ("privacy", "proxy_vpn_doh"), ("search", "search"), ("shopping", "shopping"),
        ("social", "social_networks"), ("streaming", "streaming"), ("updates", "device_updates"),
    ],
)  # fmt: skip
def test_one_thing_has_one_title(group: str, category: str) -> None:
    of_group = data(f"services/{group}.yaml")["group"]["name"]
    assert of_group == data("categories.yaml")["categories"][category]["name"]
