from __future__ import annotations

import pytest

from gateway.errors import PolicyError
from gateway.policy.categories import parse_categories
from tests.policy.homes import product

TEXTS = "name: {en: A, ru: A, kk: A}, about: {en: A., ru: A., kk: A.}"

# The categories of the bands, by the contract, and what binds everyone.
BAND_CATEGORIES = [
    "adult", "gambling", "drugs_alcohol_tobacco_sales", "weapons_sales", "gore_violence",
    "selfharm_promotion", "hate_extremism", "dating", "random_video_chat", "social_networks", "messaging",
    "video_sharing", "games", "ai_companions", "proxy_vpn_doh", "piracy", "ads_trackers",
    "search_without_safe_mode", "new_domain",
]  # fmt: skip


def test_the_shipped_file() -> None:
    known = product().categories
    assert set(BAND_CATEGORIES) <= set(known.choosable)
    assert known.binding == {"malware", "phishing", "csam"}
    assert known.sealed == {"csam"}
    assert not known.binding & set(known.choosable)


def test_each_category_has_its_own_name_and_one_sentence_in_each_language() -> None:
    for one in product().categories.by_id.values():
        for language in ("en", "ru", "kk"):
            assert one.about[language].endswith(".")
            assert one.about[language].count(". ") == 0
    for language in ("en", "ru", "kk"):
        names = [one.name[language] for one in product().categories.by_id.values()]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("categories: {a b: {" + TEXTS + "}}", "'a b' is no id"),
        ("categories: {adult: {name: {en: A}, about: {en: A}}}", "has no 'ru'"),
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
