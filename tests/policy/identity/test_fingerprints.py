"""What kind of device it is: the format, the order of clues, and the examples of the packaged file."""

from __future__ import annotations

import pytest

from gateway.core.errors import PolicyError
from gateway.policy.identity.device_kinds import DEVICE_KINDS
from gateway.policy.identity.fingerprints import CLUES, _matches, parse_fingerprints
from gateway.policy.identity.sightings import Sighting
from gateway.policy.identity.traits import Traits
from profiles import DATA

FILE = parse_fingerprints((DATA / "fingerprints.yaml").read_bytes(), "profiles/fingerprints.yaml")
ENTRY = "fingerprints:\n  - {id: a, name: A, kind: phone, host_name: [a*], test: [{host_name: ab}]%s}\n"


def sight(*, services: tuple[str, ...] = (), model: str = "", **traits: object) -> Sighting:
    given = Traits("02:00:00:00:00:0a", **traits)  # type: ignore[arg-type]
    return Sighting(given, services=frozenset(services), model=model)


def test_each_example_is_told_by_its_own_entry() -> None:
    for key, sights in FILE.tests.items():
        for given in sights:
            found = FILE.fingerprints.find(given)
            assert found is not None, given
            assert found.id == key, given
    assert {one.kind for one in FILE.fingerprints.entries} == set(DEVICE_KINDS)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (sight(), ""),
        (sight(host_name="Aruzhan"), ""),
        (sight(host_name="Living room iPad", options=(1, 121, 3, 6, 15, 119, 252)), "tablet"),
        (sight(host_name="tv", model="AppleTV6,2", options=(1, 121, 3, 6, 15, 119, 252)), "tv"),
        (sight(vendor_class="android-dhcp-12", services=("_googlecast",)), "tv"),
        (sight(vendor_class="MSFT 5.0", host_name="XBOX"), "console"),
        (sight(vendor_class="MSFT 5.0"), "computer"),
        (sight(options=(1, 3)), ""),
    ],
)
def test_the_clue_that_tells_most_decides(given: Sighting, kind: str) -> None:
    assert FILE.fingerprints.kind_of(given) == kind


@pytest.mark.parametrize(
    ("pattern", "text", "same"),
    [
        ("ab", "ab", True),
        ("ab", "abc", False),
        ("ab*", "abc", True),
        ("*ab", "xab", True),
        ("*ab*", "xaby", True),
        ("a*b*c", "a1b2c", True),
        ("a*a", "a", False),
        ("a*bc*c", "abc", False),
        ("*b*b*", "ab", False),
    ],
)
def test_patterns(pattern: str, text: str, same: bool) -> None:
    assert _matches(pattern, text) is same


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fingerprints:\n  - {id: a, name: A, kind: phone, test: [{host_name: a}]}\n", "has no clue"),
        (ENTRY.replace("a*", "'*'") % "", "says nothing"),
        (ENTRY.replace("phone", "car") % "", "car"),
        (ENTRY.replace("id: a", "id: A!") % "", "is no id"),
        (ENTRY % ", options: ['1,3,300']", "is no list of options"),
        (ENTRY % ", services: [airplay]", "is no service"),
        (ENTRY.replace("[{host_name: ab}]", "[]") % "", "is empty"),
        (ENTRY % "" + ENTRY.partition("\n")[2] % "", "is there twice"),
        (ENTRY % ", colour: [a]", "is not a known key"),
        ("fingerprints: [" + "a, " * 300 + "]\n", "more than 256"),
    ],
)
def test_what_is_refused_at_the_door(text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        parse_fingerprints(text, "f.yaml")


def test_every_clue_is_known() -> None:
    assert set(CLUES) == {clue for one in FILE.fingerprints.entries for clue in one.patterns} | {"options"}
