"""The words of earlier versions in rule files: `refuse` is `block`, `open` is `allow`."""

from __future__ import annotations

import hashlib
import json

import pytest
import yaml

from gateway.policy.accounts.agreement import digest_of
from gateway.policy.profile import edits
from gateway.policy.profile.profile import Profile, parse_profile
from gateway.policy.profile.rule_file import rules_to_yaml
from tests.policy.homes import product, words

BANDS = product().bands

OLD = b"""\
# The family's own comment.
name: Kid
band: 10-12
failure: open
unknown: refuse
categories:
  games: refuse
  social_networks: open
ways: {vpn: open, ssh: "refuse"}
"""
CURRENT = b"""\
name: Kid
band: 10-12
failure: open
unknown: block
categories: {games: block, social_networks: allow}
ways: {vpn: allow, ssh: block}
"""


def read(source: bytes) -> Profile:
    return parse_profile(source, "profiles/kid.yaml", "kid", BANDS, words())


def test_old_words_load_as_the_current_ones() -> None:
    assert read(OLD) == read(CURRENT)
    assert read(OLD).rules == read(CURRENT).rules


def test_a_file_with_old_words_has_one_warning_with_the_first_place() -> None:
    assert str(read(OLD).warning) == (
        'profiles/kid.yaml:5: unknown: "refuse" is the old word for "block"; '
        "the next change on the pages writes the new one"
    )
    nested = read(OLD.replace(b"unknown: refuse\n", b""))
    assert str(nested.warning).startswith('profiles/kid.yaml:6: categories.games: "refuse" is the old word')
    assert read(CURRENT).warning is None
    assert read(b"{name: Kid, band: 10-12, failure: open, clock_unset: open}").warning is None


@pytest.mark.parametrize("changes", [{}, {"name": "Dana"}, {"categories/games": "refuse"}])
def test_an_edit_writes_the_whole_file_in_current_words(changes: dict[str, object]) -> None:
    said = edits.read(OLD, "kid.yaml")
    written = yaml.safe_load(edits.profile_text(edits.edited(said, changes, BANDS)))
    assert written == {**yaml.safe_load(CURRENT), **({"name": "Dana"} if "name" in changes else {})}


def test_an_edit_in_old_words_is_one_in_current_words() -> None:
    said = edits.read(CURRENT, "kid.yaml")
    asked = {"categories": {"games": "open"}, "ways/tor": "open", "unknown": "open", "failure": "open"}
    after = edits.edited(said, asked, BANDS)
    assert after["categories"] == {"games": "allow"}
    assert after["ways"] == {"vpn": "allow", "ssh": "block", "tor": "allow"}
    assert (after["unknown"], after["failure"]) == ("allow", "open")


def test_an_agreement_of_before_the_words_changed_is_still_in_force() -> None:
    """The digest is stored, and was made of the old words."""
    kid, words_of_then = read(CURRENT), {"block": "refuse", "allow": "open"}
    told = rules_to_yaml(kid.rules)
    told["unknown"] = words_of_then[told["unknown"]]
    for key in ("categories", "ways"):
        told[key] = {one: words_of_then.get(word, word) for one, word in told[key].items()}
    text = json.dumps(["10-12", told], sort_keys=True)
    assert digest_of(kid) == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
