"""Whose rules strangers have, by network and while they are asked about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.household.rule_book import RuleBook
from gateway.policy.identity.questions import Ask, Question
from gateway.policy.values import Observation, Proto, Reason, Verdict
from tests.household.a_home import MUMS, NOON, STRANGER, TABLET, Home, asked_about, built
from tests.household.household_files import DAUGHTER, SON, Rules


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield from built(tmp_path)


def test_a_stranger_is_a_guest(home: Home) -> None:
    member = home.family.member_of(STRANGER)
    assert member is not None
    assert member.profile.id == "guest"
    assert home.family.unknown == member.slot
    assert home.reason(STRANGER, "pornhub.com") is Reason.CATEGORY


@pytest.mark.parametrize(
    ("who", "reason"),
    [("home", Reason.UNFILTERED), ("quarantine", Reason.QUARANTINED), ("daughter", Reason.FAMILY_BLOCK)],
)
def test_or_what_the_family_says(tmp_path: Path, who: str, reason: Reason) -> None:
    home = Home(tmp_path, unknown_devices=who)
    assert home.reason(STRANGER, "www.tiktok.com") is reason
    assert home.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_BLOCK
    home.store.close()


LANS = ["br-lan", "br-guest", "lan.7", "lan.8"]


def who(home: Home, mac: str, interface: str | None = None) -> str:
    member = home.family.member_of(mac, interface)
    if member is None:
        return "home"
    return "quarantine" if member.quarantined else member.profile.id


def test_strangers_by_the_interface_on_which_they_are(tmp_path: Path) -> None:
    home = Home(
        tmp_path,
        lan=LANS,
        unknown_devices="home",
        interfaces={"br-guest": "guest", "lan.7": "quarantine", "lan.8": "Daughter"},
    )
    assert [who(home, STRANGER, name) for name in LANS] == ["home", "guest", "quarantine", "daughter"]
    assert {who(home, TABLET, name) for name in LANS} == {"daughter"}
    assert {who(home, MUMS, name) for name in LANS} == {"home"}
    home.where[STRANGER] = "br-guest"
    assert who(home, STRANGER) == "guest"
    assert who(home, "02:00:00:00:00:98") == "home"
    strangers = home.family.strangers
    assert home.family.unknown is None
    assert [home.family.members[slot].profile.id for slot in strangers.values() if slot] == [
        "guest",
        "guest",
        "daughter",
    ]
    home.store.devices.place(STRANGER, "guest", at=NOON)  # a guest by name is one everywhere
    home.rebuild()
    assert {who(home, STRANGER, name) for name in LANS} == {"guest"}
    assert home.family.member_of(STRANGER) is home.family.member_of("02:00:00:00:00:98", "br-guest")
    home.store.close()


def test_equal_defaults_are_one_slot(tmp_path: Path) -> None:
    home = Home(tmp_path, lan=LANS, interfaces={"br-guest": "guest", "lan.7": "home", "lan.8": "home"})
    assert home.family.strangers == {"br-guest": home.family.unknown, "lan.7": None, "lan.8": None}
    home.store.close()


def test_a_paused_stranger_has_the_rules_of_its_network(tmp_path: Path) -> None:
    home = Home(tmp_path, lan=LANS, unknown_devices="home", interfaces={"br-guest": "guest"})
    home.where[STRANGER] = "br-guest"
    home.store.pause(STRANGER, until=None, by="Mum", at=NOON)
    home.rebuild()
    assert home.reason(STRANGER, "www.example.org") is Reason.PAUSED
    assert who(home, STRANGER, "br-guest") == "guest"
    home.where[STRANGER] = "br-lan"
    home.rebuild()
    assert who(home, STRANGER) == "home"
    home.store.close()


def test_a_device_about_which_is_asked_has_a_slot_of_its_own_on_every_network(tmp_path: Path) -> None:
    """Beside the child's rules hold those of the network on which it is."""
    interfaces = {"br-guest": "guest", "lan.7": "quarantine"}
    home = Home(tmp_path, lan=LANS, unknown_devices="home", interfaces=interfaces)
    question = Question(STRANGER, Ask.AGAIN, NOON, profile="daughter", known=TABLET)
    home.store.questions.put(question, lambda _: None, NOON)
    for interface, otherwise in (("br-lan", None), ("br-guest", "guest")):
        home.where[STRANGER] = interface
        home.rebuild()
        for name in LANS:
            found = home.family.member_of(STRANGER, name)
            assert found is not None
            assert (found.macs, found.profile.id, found.asked) == ((STRANGER,), "daughter", True)
            assert (found.beside and found.beside.profile.id) == otherwise
    home.where[STRANGER] = "lan.7"
    home.rebuild()
    found = home.family.member_of(STRANGER, "lan.7")
    assert found is not None
    assert (found.quarantined, found.asked) == (True, False)
    home.store.close()


def test_a_flow_that_runs_asks_both_judges_as_running(tmp_path: Path) -> None:
    """An answer that has lapsed meanwhile ends it not, whoever of the two wants one; a pause does."""
    strict = {"mode": "allow-list", "allow": ["khanacademy.org"]}
    for who in ("daughter", "son"):
        (tmp_path / who).mkdir()
        rules: dict[str, Rules] = {"daughter": DAUGHTER, "son": SON}
        rules[who] = {**rules[who], **strict}
        home = Home(tmp_path / who, **rules, unknown_devices="son")
        member = asked_about(home, "daughter", TABLET)
        assert home.names.watches(member.slot)
        seen = Observation(Proto.TLS, "www.khanacademy.org", b"\xc6\x33\x64\x07", 443)
        assert member.decide(seen, NOON).reason is Reason.UNRESOLVED
        assert member.decide_running(seen, NOON).verdict is Verdict.ALLOW
        home.store.pause(who, until=None, by="Mum", at=NOON)
        home.family.situate(NOON)
        assert member.decide_running(seen, NOON).reason is Reason.PAUSED
        home.store.close()


def test_strangers_are_guests_while_the_file_of_their_profile_is_broken(tmp_path: Path) -> None:
    home = Home(tmp_path, lan=LANS, unknown_devices="son", interfaces={"br-guest": "daughter"})
    for name in ("son", "daughter"):
        (tmp_path / "profiles" / f"{name}.yaml").write_text("band: oops\n")
    home.rules = RuleBook(tmp_path / "qalqan.yaml")
    home.rebuild()
    assert [who(home, STRANGER, name) for name in LANS] == ["guest"] * 4
    home.store.close()
