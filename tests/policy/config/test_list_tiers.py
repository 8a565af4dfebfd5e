"""The tier of lists: read from the settings, or chosen by the memory of the machine."""

from __future__ import annotations

import pytest

from gateway.core.errors import PolicyError
from gateway.policy.config.config import Config, parse_config
from gateway.policy.config.list_tiers import ListTier, tier_for_memory
from gateway.policy.time.list_update_times import UpdateInterval

MB = 1 << 20


@pytest.mark.parametrize(
    ("total", "tier"),
    [
        (0, ListTier.MEDIUM),
        (58 * MB, ListTier.SMALL),
        (118 * MB, ListTier.SMALL),
        (238 * MB, ListTier.MEDIUM),
        (488 * MB, ListTier.LARGE),
        (4000 * MB, ListTier.LARGE),
    ],
)
def test_memory_chooses_the_tier(total: int, tier: ListTier) -> None:
    assert tier_for_memory(total) is tier


def test_a_tier_includes_the_smaller_ones() -> None:
    included = {tier: [one for one in ListTier if tier.includes(one)] for tier in ListTier}
    assert included[ListTier.SMALL] == [ListTier.SMALL]
    assert included[ListTier.MEDIUM] == [ListTier.SMALL, ListTier.MEDIUM]
    assert included[ListTier.LARGE] == list(ListTier)
    assert not any(tier.includes(None) for tier in ListTier)


def settings(text: str) -> Config:
    return parse_config(text, "qalqan.yaml", lambda _: False)


def test_the_settings_name_a_tier_or_leave_it_to_the_memory() -> None:
    assert settings("lan: [br-lan]").lists_tier is None
    assert settings("lists: {tier: auto}").lists_tier is None
    read = settings("lists: {tier: small}")
    assert (read.lists_tier, read.lists_update) == (ListTier.SMALL, UpdateInterval.DAILY)
    assert settings("lists: {update: off}").lists_tier is None


def test_an_unknown_tier_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PolicyError, match=r"lists\.tier: .*auto, small, medium, large"):
        settings("lists: {tier: huge}")
