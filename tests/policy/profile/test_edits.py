"""Edits as values: what is written reads the same, each key changes what it names alone, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.household.loading import load_product
from gateway.policy.profile import edits
from gateway.policy.profile.edits import LISTS, MAPPINGS, blamed, changed
from gateway.policy.profile.profile import Profile, check_id, id_of, parse_profile
from gateway.policy.profile.rule_file import Vocabulary, rules_to_yaml
from gateway.policy.profile.rules import TAKEN, Rules
from gateway.policy.yaml.documents import (
    HEAD,
    OLD_HEADS,
    Document,
    document,
    has_comments,
    has_own_comments,
    is_by_hand,
    parse_document,
    scalar,
)

PRODUCT = load_product()
WORDS = Vocabulary(PRODUCT.categories, PRODUCT.catalogue, lambda name: name == "com")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plains = st.recursive(
    st.one_of(texts, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


def profile(said: Document) -> Profile:
    return parse_profile(edits.profile_text(said), "kid.yaml", "kid", PRODUCT.bands, WORDS)


@settings(deadline=None)
@given(st.dictionaries(texts, plains, max_size=6))
def test_what_is_written_reads_the_same(said: Document) -> None:
    text = edits.profile_text(said)
    assert document(parse_document(text, "f")) == said if said else True
    assert not said or not is_by_hand(text, edits.PROFILE_ORDER)
    assert not said or not has_own_comments(text)


@settings(deadline=None)
@given(texts)
def test_a_scalar_stands_in_one_line(text: str) -> None:
    assert len(scalar(text).splitlines()) == 1


def test_it_is_written_as_a_person_would() -> None:
    said: Document = {
        "block": [f"site-{number}.example.org" for number in range(7)],
        "limits": {"play": "90m", "service:youtube": {"school": "30m", "free": "1h"}},
        "windows": {"service:roblox": {"school": ["16:00-18:00"], "free": ["10:00-12:00", "15:00-19:00"]},
                    "category:games": {"mon": []}},
        "band": "10-12", "safe_search": "off", "name": "Әйгерім Асан", "strict": "false", "bedtime": {},
        "devices": ["02:00:00:00:00:0a"],
    }  # fmt: skip
    assert edits.profile_text(said).decode() == HEAD + (
        "name: Әйгерім Асан\n"
        "band: 10-12\n"
        'devices: ["02:00:00:00:00:0a"]\n'
        "block:\n" + "".join(f"  - site-{number}.example.org\n" for number in range(7)) + "safe_search: off\n"
        "bedtime: {}\n"
        'limits: {play: 90m, "service:youtube": {school: 30m, free: 1h}}\n'
        "windows:\n"
        '  "service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00", "15:00-19:00"]}\n'
        '  "category:games": {mon: []}\n'
        "strict: false\n"
    )


@pytest.mark.parametrize(
    ("source", "has"),
    [
        ("a: 1\n", False), ("# note\na: 1\n", True), ("a: 1 # note\n", True), ("a: '# none'\n", False),
        ("a: b#c\n", False), ('a: "ә # x"  \n', False), ("ә: ж # x\n", True), ("a: [1, # x\n 2]\n", True),
        ("a: [broken\n", True), (HEAD + "a: 1\n", False), (HEAD + "# mine\na: 1\n", True),
        (f"{OLD_HEADS[0]}x.\na: 1\n", False),
    ],
)  # fmt: skip
def test_comments_are_found(source: str, has: bool) -> None:
    assert has_own_comments(source.encode()) is has
    assert has_comments(b"# x\na: 1\n")


def test_a_hand_is_told_from_a_program() -> None:
    text = edits.profile_text({"band": "6-9"})
    assert not is_by_hand(text, edits.PROFILE_ORDER)
    for other in (text + b"\n", text.replace(b"6-9", b'"6-9"'), b"band: 6-9\n", b"band: [\n"):
        assert is_by_hand(other, edits.PROFILE_ORDER)


VALUES: dict[str, list[Any]] = {
    "name": ["Kid", "Дитя"],
    "band": [one.value for one in PRODUCT.bands],
    "mode": ["allow-list", "block-list"],
    "unknown": ["allow", "ask", "block"],
    "categories": [{}, {"games": "block"}, {"games": "ask", "messaging": "count"}],
    "categories/games": ["block", "allow"],
    "categories/messaging": ["ask"],
    "ways": [{}, {"ssh": "allow"}],
    "ways/vpn": ["allow", "block"],
    "allow": [[], ["a.example.org", "service:youtube"]],
    "allow/b.example.org": [True],
    "block": [["service:tiktok"], []],
    "block/category:gambling": [True],
    "homework/bilimland.kz": [True],
    "safe_search": ["off", "strict", "moderate"],
    "bedtime": [{}, "21:00-07:00", {"school": "20:00-07:00"}],
    "bedtime/fri": ["23:00-08:00", {}],
    "bedtime/school": ["21:30-07:00"],
    "limits": [{}, {"internet": {"school": "2h", "free": "3h"}}],
    "limits/play": ["45m", {}, {"school": "30m"}],
    "limits/service:youtube": ["1h"],
    "windows/service:roblox": [{"school": ["16:00-18:00"]}, [], "10:00-12:00"],
    "dates/2026-12-31": ["free", {"bedtime": {}, "limits": {"play": "4h"}}],
    "landing": ["5m"],
    "updates": [False, True],
    "strict": [True, False],
    "failure": ["open"],
    "log_level": [0],
    "devices": [["02-00-00-00-00-0A"], []],
}
changes = st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 9), min_size=1, max_size=4).map(
    lambda chosen: {
        key: None if number == 9 and key != "band" else VALUES[key][number % len(VALUES[key])]
        for key, number in chosen.items()
    }
)


@settings(deadline=None)
@given(st.lists(changes, min_size=1, max_size=6))
def test_any_edits_give_a_file_that_parses_and_says_what_was_asked(asked: list[dict[str, Any]]) -> None:
    said: Document = {"band": "10-12"}
    for one in asked:
        before = copy.deepcopy(said)
        after = edits.edited(said, one, PRODUCT.bands)
        assert said == before, "what was there stays as it was"
        profile(after)
        for key, value in one.items():
            if not any(other != key and other.partition("/")[0] == key.partition("/")[0] for other in one):
                _is_as_asked(after, key, value)
        heads = {key.partition("/")[0] for key in one} | ({"log_level"} if "band" in one else set())
        assert set(edits.differences(before, after)) <= heads
        said = after
    assert document(parse_document(edits.profile_text(said), "f")) == said


def _is_as_asked(said: Document, key: str, value: Any) -> None:
    head, slash, entry = key.partition("/")
    found = said.get(head)
    if slash and head in LISTS:
        assert (isinstance(found, list) and entry in found) is (value is True)
    elif slash:
        assert (found.get(entry) if isinstance(found, dict) else None) == _texts(value)
    elif value in (None, []):
        assert head not in said
    elif head == "devices":
        assert found == ["02:00:00:00:00:0a"]
    else:
        assert found == _texts(value)


def _texts(value: Any) -> Any:
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return {key: _texts(one) for key, one in value.items()} if isinstance(value, dict) else value


@settings(deadline=None)
@given(
    st.lists(changes, min_size=1, max_size=4),
    st.sampled_from(sorted(set(VALUES) - {"band", "name", "devices"})),
)
def test_one_entry_changes_nothing_else_that_holds(asked: list[dict[str, Any]], key: str) -> None:
    """Above all where the family had cleared what the band says."""
    said: Document = {"band": "10-12"}
    for one in asked:
        said = edits.edited(said, one, PRODUCT.bands)
    head, slash, entry = key.partition("/")
    if not slash or head not in MAPPINGS:
        return
    before, after = (
        rules_to_yaml(profile(one).rules)[head]
        for one in (said, edits.edited(said, {key: VALUES[key][0]}, PRODUCT.bands))
    )
    if head == "bedtime" or head == "dates":
        return
    assert {k: v for k, v in before.items() if k != entry and v != "allow"} == {
        k: v for k, v in after.items() if k != entry and v != "allow"
    }


@pytest.mark.parametrize("band", PRODUCT.bands, ids=lambda band: band.value)
def test_what_is_told_of_a_band_says_the_same_as_the_band(band: Any) -> None:
    rules = PRODUCT.bands[band].rules
    told = rules_to_yaml(rules)
    again = parse_profile(
        edits.profile_text(changed({"band": band.value}, told, {})), "f", "kid", PRODUCT.bands, WORDS
    )
    assert rules_to_yaml(again.rules) == told


@settings(deadline=None)
@given(st.lists(changes, min_size=1, max_size=4))
def test_what_is_told_of_a_profile_gives_the_same_profile(asked: list[dict[str, Any]]) -> None:
    said: Document = {"band": "10-12"}
    for one in asked:
        said = edits.edited(said, one, PRODUCT.bands)
    told = rules_to_yaml(profile(said).rules)
    beneath = rules_to_yaml(PRODUCT.bands[AgeBand(said["band"])].rules)
    # In a file, mappings add to the band's; here they shall be all there is.
    for key, none in (("categories", "allow"), ("ways", "allow"), ("limits", {}), ("windows", {})):
        told[key] = {**dict.fromkeys(beneath[key], none), **told[key]}
    again = profile(changed({"band": said["band"]}, told, {}))
    assert _plain_rules(again.rules) == _plain_rules(profile(said).rules)


def _plain_rules(rules: Rules) -> Any:
    told = rules_to_yaml(rules)
    # A category that is open says as much as one that is not named.
    open_ = {
        key: {one: word for one, word in told[key].items() if word != "allow"}
        for key in ("categories", "ways")
    }
    return {**told, **open_}


def test_the_audit_names_no_site() -> None:
    before: Document = {"block": ["a.example"], "managed": {"02:00:00:00:00:0a": ["b.example"]}}
    after: Document = {"allow": ["c.example", "d.example"], "managed": {"02:00:00:00:00:0a": ["e.example"]}}
    assert edits.changes_text(before, after) == "block +0 -1; managed changed; allow +2 -0"
    own: Document = {"services": {"mine": {"name": "Mine", "domains": ["f.example"]}}}
    changed_own = changed(own, {"services/mine": {"name": "Mine", "domains": ["g.example"]}}, {})
    for old, new in (({}, own), (own, changed_own), (own, {})):
        assert edits.changes_text(old, new) == "services changed"
    long: Document = {f"k{number}": "x" * 100 for number in range(50)}
    assert len(edits.changes_text({}, long)) == edits.MAX_DETAIL


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(
        st.one_of(
            st.sampled_from([*edits.PROFILE_ORDER, *VALUES]),
            st.text(max_size=8),
            st.sampled_from(edits.PROFILE_ORDER).map(lambda head: f"{head}/x"),
        ),
        JSON,
        max_size=3,
    )
)
def test_anything_that_is_sent_is_a_profile_or_refused_in_words(asked: dict[str, Any]) -> None:
    said: Document = {"band": "10-12", "limits": {}, "bedtime": "21:00-07:00", "block": ["a.example.org"]}
    refusal: PolicyError | None = None
    after = said
    try:
        after = edits.edited(said, asked, PRODUCT.bands)
        profile(after)
    except PolicyError as error:
        refusal = error
    if refusal is None:
        assert edits.changes_text(said, after).isprintable()
        assert edits.effective(said, after, asked) or after == said
    else:
        assert refusal.problem
        assert refusal.fix


@pytest.mark.parametrize(
    ("where", "keys", "blame"),
    [
        ("f:3: limits.play", ["limits/play", "mode"], "limits/play"),
        ("f:3: limits.play", ["mode", "limits"], "limits"),
        ("f:3: block[2]", ["block"], "block"),
        ("f:3: block[2]", ["block/a", "block/b"], "block/a"),
        ("f:3: mode", ["strict"], "mode"),
        ("f:1", ["strict", "band"], "band"),
    ],
)
def test_a_refusal_is_about_what_was_asked(where: str, keys: list[str], blame: str) -> None:
    asked = {key: None if key == "band" else 1 for key in keys}
    assert blamed(PolicyError(where, "x", "y"), "f", asked) == blame


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Aruzhan", "aruzhan"), ("Әйгерім", "aygerim"), ("Юлия", "yuliya"), ("Ұлы Ж.", "uly-zh"),
        ("👩", "child"), ("李", "child"), ("all", "all-2"), ("Guest", "guest-2"), ("дом", "dom"),
        ("Éloïse", "eloise"), ("  ", "child"), ("x" * 60, "x" * 32), ("Ъ", "child"),
    ],
)  # fmt: skip
def test_an_id_is_made_of_any_name(name: str, wanted: str) -> None:
    assert id_of(name, ()) == wanted
    assert id_of(name, [wanted.upper()]) != wanted


@settings(deadline=None)
@given(texts, st.lists(st.sampled_from(["child", "child-2", "a", "a-2", "all"]), max_size=5))
def test_an_id_is_one_and_nobodys(name: str, taken: list[str]) -> None:
    found = id_of(name, taken)
    check_id(found, "f")
    assert found not in (*taken, *TAKEN)
