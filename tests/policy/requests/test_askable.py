"""What a child may ask for, and what a permanent answer opens."""

from __future__ import annotations

import pytest

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.requests.askable import (
    blocked_categories,
    blocked_category,
    check_askable,
    is_askable,
    is_category_askable,
    outranking_blocks,
    request_entry,
)
from gateway.policy.values import Decision, Reason, Verdict
from tests.policy.homes import a_profile, the_world
from tests.sentences import sentence

LIFTED = {
    Reason.FAMILY_BLOCK, Reason.SERVICE, Reason.CATEGORY, Reason.NEW_DOMAIN, Reason.UNKNOWN_DOMAIN,
    Reason.NOT_ON_LIST,
}  # fmt: skip
BY_TIME = {Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME}


def a_suffix(name: str) -> bool:
    return name in {"com", "net", "example", "uk", "co.uk", "github.io"}


@pytest.mark.parametrize("reason", list(Reason))
def test_what_a_guardian_s_answer_lifts_may_be_asked_for(reason: Reason) -> None:
    blocked = Decision(Verdict.BLOCK, reason, "x", "family")
    assert is_askable(blocked) is (reason in LIFTED | BY_TIME)
    assert not is_askable(Decision(Verdict.ALLOW, reason, "x", "family"))


def test_what_may_not_be_asked_for_says_why() -> None:
    check_askable("reddit.com", Decision(Verdict.BLOCK, Reason.CATEGORY, "x", "family"), "Son")
    for decision, said in (
        (
            Decision(Verdict.BLOCK, Reason.LAW, "x", "guardian:Mum"),
            sentence(Code.NOT_ASKABLE, host="reddit.com"),
        ),
        (
            Decision(Verdict.BLOCK, Reason.RESOLVER_SIGNAL, "x", "product"),
            sentence(Code.NOT_ASKABLE, host="reddit.com"),
        ),
        (
            Decision(Verdict.ALLOW, Reason.OPEN, "x", "product"),
            sentence(Code.NOT_REFUSED, host="reddit.com", name="Son"),
        ),
        (REFUSED_FOR_EVERYONE, sentence(Code.FOR_EVERYONE, host="reddit.com")),
    ):
        with pytest.raises(ControlError, match=said):
            check_askable("reddit.com", decision, "Son")


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("www.tiktok.com", "service:tiktok"),
        ("m.shop.nowhere.example", "nowhere.example"),
        ("a.b.shop.co.uk", "shop.co.uk"),
        ("nowhere.example", "nowhere.example"),
        ("someone.github.io", "someone.github.io"),
        ("www.files.cloudfront.net", "files.cloudfront.net"),  # of unrelated sites
        ("co.uk", "co.uk"),
    ],
)
def test_a_request_is_about_a_site_or_a_service(host: str, entry: str) -> None:
    assert request_entry(host, the_world().catalogue, a_suffix) == entry


def test_a_blocked_category_is_found_by_the_host_the_site_and_the_service() -> None:
    child = a_profile("band: 10-12\ncategories: {gambling: block, social_networks: ask}")
    assert blocked_category("casino.example", "", child, the_world()) == "gambling"
    assert blocked_category("nowhere.example", "m.casino.example", child, the_world()) == "gambling"
    assert blocked_category("service:instagram", "", child, the_world()) is None  # it needs approval
    strict = a_profile("band: 10-12\ncategories: {social_networks: block}")
    assert blocked_category("service:instagram", "", strict, the_world()) == "social_networks"
    own = a_profile("band: 16-17\nblock: ['category:social_networks']")
    assert blocked_category("service:instagram", "", own, the_world()) == "social_networks"
    assert blocked_category("nowhere.example", "", child, the_world()) is None
    asked = a_profile('band: 10-12\ncategories: {social_networks: block, "service:instagram": ask}')
    assert blocked_category("service:instagram", "", asked, the_world()) is None  # the child may ask for it
    alone = a_profile('band: 16-17\ncategories: {"service:instagram": block}')
    assert blocked_category("service:instagram", "", alone, the_world()) is None  # no category is blocked
    assert "service:instagram" not in blocked_categories(alone)
    assert not is_category_askable("service:instagram", alone, the_world())


def test_only_the_family_s_own_stronger_entries_outrank_an_allow() -> None:
    blocks = "['service:tiktok', tiktok.com, shop.example, m.shop.example, 'category:games', other.example]"
    child = a_profile(f"band: 10-12\nblock: {blocks}")
    assert outranking_blocks("service:tiktok", child, the_world().catalogue) == (
        "service:tiktok",
        "tiktok.com",
    )
    assert outranking_blocks("shop.example", child, the_world().catalogue) == (
        "shop.example",
        "m.shop.example",
    )
    assert outranking_blocks("a.shop.example", child, the_world().catalogue) == ()
