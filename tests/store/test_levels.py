from __future__ import annotations

import pytest

from gateway.policy.values import Reason, Verdict
from gateway.store.stored_detail import StoredDetail, detail

LEVELS = (0, 1, 2, 3)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("verdict", Verdict)
def test_help_leaves_nothing_at_any_level(level: int, verdict: Verdict) -> None:
    assert detail(level, Reason.HELP, verdict) is StoredDetail.NOTHING


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_refused_for_everyone_never_names_a_person(level: int) -> None:
    assert detail(level, Reason.REFUSED_FOR_EVERYONE, Verdict.BLOCK) is StoredDetail.HOME_TOTAL


@pytest.mark.parametrize("reason", [one for one in Reason if one is not Reason.REFUSED_FOR_EVERYONE])
@pytest.mark.parametrize("verdict", Verdict)
def test_level_0_keeps_nothing_per_person(reason: Reason, verdict: Verdict) -> None:
    assert detail(0, reason, verdict) is StoredDetail.NOTHING


@pytest.mark.parametrize(
    ("level", "refused", "visited"),
    [
        (1, StoredDetail.COUNT, StoredDetail.COUNT),
        (2, StoredDetail.NAME, StoredDetail.COUNT),
        (3, StoredDetail.NAME, StoredDetail.NAME),
    ],
)
def test_each_level_stores_what_it_says(level: int, refused: StoredDetail, visited: StoredDetail) -> None:
    assert detail(level, Reason.CATEGORY, Verdict.BLOCK) is refused
    assert detail(level, Reason.OPEN, Verdict.ALLOW) is visited
    assert detail(level, Reason.SAFE_SEARCH, Verdict.REWRITE) is visited


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("verdict", Verdict)
def test_a_higher_level_never_keeps_less(reason: Reason, verdict: Verdict) -> None:
    kept = [detail(level, reason, verdict) for level in LEVELS]
    assert kept == sorted(kept)


def test_what_a_device_does_by_itself_is_no_visit() -> None:
    assert detail(3, Reason.DEVICE_NEEDS, Verdict.ALLOW) is StoredDetail.COUNT
