"""When an agreement is whole, and by which changes it is not what holds any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.policy.accounts.agreement import (
    Agreement,
    AgreementState,
    Side,
    agreed,
    agreement_state,
    digest_of,
    pending_confirmation,
)
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.self_set import chosen, self_set, with_self_set
from tests.policy.homes import a_profile, words

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = AT + timedelta(days=1)
NONE = Agreement("daughter")


def child(extra: str = "", band: str = "16-17") -> Profile:
    return a_profile(f"{{name: Aruzhan, band: {band}{', ' if extra else ''}{extra}}}")


@pytest.mark.parametrize(("first", "second"), [(Side.CHILD, Side.GUARDIAN), (Side.GUARDIAN, Side.CHILD)])
def test_both_say_yes_to_the_same_rules_in_either_order(first: Side, second: Side) -> None:
    names = {Side.CHILD: "", Side.GUARDIAN: "Mum"}
    one = agreed(NONE, first, names[first], "a", AT)
    assert agreement_state(one, "a") is AgreementState.NONE
    yes = pending_confirmation(one, "a")
    assert yes is not None
    assert (yes.side, yes.by, yes.at) == (first, names[first], AT)
    both = agreed(one, second, names[second], "a", LATER)
    assert both == Agreement("daughter", "a", "Mum", LATER)
    assert (agreement_state(both, "a"), agreement_state(both, "b")) == (
        AgreementState.AGREED,
        AgreementState.CHANGED,
    )


def test_one_alone_agrees_with_nobody() -> None:
    one = agreed(agreed(NONE, Side.GUARDIAN, "Mum", "a", AT), Side.GUARDIAN, "Dad", "a", LATER)
    assert agreement_state(one, "a") is AgreementState.NONE
    assert one.waits is not None
    assert one.waits.by == "Dad"


def test_a_yes_to_rules_that_changed_meanwhile_is_none() -> None:
    one = agreed(NONE, Side.GUARDIAN, "Mum", "a", AT)
    assert pending_confirmation(one, "b") is None
    then = agreed(one, Side.CHILD, "", "b", LATER)
    assert agreement_state(then, "b") is AgreementState.NONE, (
        "the child has said yes to other rules than the parent"
    )
    assert then.waits is not None
    assert then.waits.side is Side.CHILD


def test_what_both_agreed_on_last_stays_until_they_agree_anew() -> None:
    both = agreed(agreed(NONE, Side.CHILD, "", "a", AT), Side.GUARDIAN, "Mum", "a", AT)
    then = agreed(both, Side.GUARDIAN, "Mum", "b", LATER)
    assert (agreement_state(then, "b"), then.at) == (AgreementState.CHANGED, AT)
    assert agreement_state(agreed(then, Side.CHILD, "", "b", LATER), "b") is AgreementState.AGREED
    assert agreed(then, Side.CHILD, "", "a", LATER) == both, "back at what they had agreed on"


@pytest.mark.parametrize(
    "extra",
    ["bedtime: '22:00-07:00'", "limits: {play: 1h}", "block: [example.com]", "safe_search: strict",
     "categories: {games: block}", "dates: {2026-12-31: free}"],
)  # fmt: skip
def test_whatever_a_guardian_changes_is_another_digest(extra: str) -> None:
    assert digest_of(child(extra)) != digest_of(child())
    assert digest_of(child(extra)) == digest_of(child(extra))


def test_another_band_is_another_digest_and_a_name_is_not() -> None:
    assert digest_of(child(band="13-15")) != digest_of(child())
    assert digest_of(a_profile("{name: Dana, band: 16-17}")) == digest_of(child())


def test_what_the_child_sets_for_itself_changes_no_agreement() -> None:
    own = self_set(chosen((), {"bedtime": "22:00-07:00", "limits/play": "1h"}, AT, words()), "A", words())
    assert digest_of(with_self_set(child(), own)) == digest_of(child())
