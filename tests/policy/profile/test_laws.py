"""Legal rules as switches: what a country's file may say of one, whom one binds, and what it does when on."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from datetime import date

import pytest
import yaml

from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.policy.judge.explanation import SetBy, sentence
from gateway.policy.profile.edits import edited
from gateway.policy.profile.laws import parse_law, signed, spoken_laws, unknown_entries
from gateway.policy.profile.rules import Law, LawStatus
from gateway.policy.time.time_rules import PLAIN
from gateway.policy.values import Reason
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Fields
from tests.policy.homes import a_judge, a_profile, almaty, asks, connects, product, refusal

AFTERNOON = almaty("2026-11-24T16:00")
AU = "au-under-16-social"
ON = f"laws: {{{AU}: Mum}}"

WHOLE = """
law:
  id: zz-test
  name: {en: A law}
  below: 16
  status: announced
  expected: {en: soon}
  refuses: [service:tiktok, category:social_networks]
  named_too: [service:youtube]
  why_open: {en: because}
  not_on_it: [service:discord]
  source: a gazette
  date: 2026-11-24
"""


def law(text: str = WHOLE) -> Law:
    return parse_law(Fields(parse_document(textwrap.dedent(text), "zz.yaml"), ("law",)).need("law"))


def test_a_law_whole() -> None:
    read = law()
    assert (read.id, read.below, read.status, read.since) == ("zz-test", 16, LawStatus.ANNOUNCED, None)
    assert list(map(str, read.refuses)) == ["service:tiktok", "category:social_networks"]
    assert (read.source, read.date) == ("a gazette", date(2026, 11, 24))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("id: zz-test", "id: Test", "is no id"),
        ("status: announced", "status: signed", "'signed' is not known here"),
        ("below: 16", "below: 21", "is not a number from 6 to 18"),
        ("status: announced", "status: in force", "'since' does not fit its status"),
        ("  expected: {en: soon}", "  since: 2026-01-01", "'since' does not fit its status"),
        ("  why_open: {en: because}\n", "", "leaves something open without a why"),
        ("service:tiktok", "tiktok.com", "write service:<id> or category:<id>"),
        ("  source: a gazette\n", "", "has no 'source'"),
        ("  date: 2026-11-24\n", "", "has no 'date'"),
    ],
)
def test_what_is_wrong_is_refused(old: str, new: str, says: str) -> None:
    assert old in WHOLE
    with pytest.raises(PolicyError) as refused:
        law(WHOLE.replace(old, new, 1))
    assert says in str(refused.value)


def test_the_laws_that_ship() -> None:
    found = {one.id: (one.status, one.below, one.since) for one in product().laws.values()}
    assert found == {
        AU: (LawStatus.IN_FORCE, 16, date(2025, 12, 10)),
        "gb-under-16-social": (LawStatus.ANNOUNCED, 16, None),
        "kz-under-16-social": (LawStatus.BILL, 16, None),
    }
    assert {code for code, one in product().countries.items() if one.laws} == {"au", "gb", "kz"}
    for one in product().laws.values():
        assert one.source
        assert one.date <= date(2026, 11, 27)
        assert {"en", "ru", "kk"} <= one.name.keys()
        assert one.id.startswith(one.id[:2] + "-")


def test_the_australian_list_and_what_is_not_on_it() -> None:
    one = product().laws[AU]
    assert {entry.value for entry in one.refuses} == {
        "facebook", "instagram", "threads", "tiktok", "snapchat", "x", "kick", "reddit", "twitch",
    }  # fmt: skip
    assert [entry.value for entry in one.named_too] == ["youtube"]
    assert {entry.value for entry in one.not_on_it} >= {
        "discord", "github", "google-classroom", "messenger", "roblox", "steam", "whatsapp", "youtube-kids",
    }  # fmt: skip


def test_what_no_catalogue_has_is_found() -> None:
    wrong = replace(law(), refuses=law(WHOLE.replace("service:tiktok", "service:tiktoc")).refuses)
    assert unknown_entries([wrong], product().catalogue.services, product().categories.by_id) == [
        "zz-test: service:tiktoc"
    ]


@pytest.mark.parametrize(
    "host", ["www.tiktok.com", "www.instagram.com", "twitch.tv", "old.reddit.com", "x.com"]
)
def test_off_it_refuses_nothing_and_on_it_names_itself_and_who(host: str) -> None:
    family = "band: '13-15'\nallow: ['category:social_networks', 'service:tiktok', 'service:twitch']\n"
    off = a_judge(family).decide(asks(host), PLAIN, AFTERNOON)
    assert off.reason is not Reason.LAW
    for seen in (asks(host), asks(host, 28), connects(host)):
        found = a_judge(family + ON).decide(seen, PLAIN, AFTERNOON)
        assert (found.verdict, found.reason, found.rule) == ("block", Reason.LAW, f"law:{AU}")
        assert (found.owner, found.askable) == ("guardian:Mum", False)
        said = sentence(found, host, AFTERNOON, product().names)
        assert said == (
            f"{host} is blocked: a law asks for an older age. "
            "Social Media Minimum Age (Australia). Mum set this."
        )


def test_where_a_hand_wrote_it_the_family_set_it() -> None:
    judge = a_judge(f"{{band: '13-15', laws: {{{AU}: true}}}}")
    found = judge.decide(asks("www.tiktok.com"), PLAIN, AFTERNOON)
    assert found.owner == "family"
    set_by = SetBy("Dad", AFTERNOON)
    assert sentence(found, "TikTok", AFTERNOON, product().names, set_by).endswith("Dad set this today.")


@pytest.mark.parametrize(
    "host", ["www.youtube.com", "discord.com", "web.whatsapp.com", "www.roblox.com", "github.com"]
)
def test_what_is_not_on_it_is_as_ever(host: str) -> None:
    without, on = (a_judge(text) for text in ("band: '13-15'", f"band: '13-15'\n{ON}"))
    assert on.decide(asks(host), PLAIN, AFTERNOON) == without.decide(asks(host), PLAIN, AFTERNOON)


@pytest.mark.parametrize("band", list(AgeBand), ids=lambda one: one.value)
def test_it_binds_younger_children_alone(band: AgeBand) -> None:
    judge = a_judge(f"band: '{band.value}'\nallow: ['service:tiktok']\n{ON}")
    found = judge.decide(asks("www.tiktok.com"), PLAIN, AFTERNOON)
    younger = band.rank < AgeBand.AGE_16_17.rank
    assert (found.reason is Reason.LAW) is younger
    assert found.allowed is not younger


def test_an_adults_file_that_keeps_one_filters_nothing() -> None:
    assert not a_profile(f"band: adult\n{ON}").filtered
    rules = a_profile("band: '13-15'").rules
    opened = [
        f"{key}: {{{', '.join(f'{one}: allow' for one in sorted(named))}}}"
        for key, named in (("categories", rules.categories), ("ways", rules.ways))
    ]
    whole = "\n".join(["band: '13-15'", "safe_search: off", "bedtime: {}", "limits: {}", *opened, ""])
    assert not a_profile(whole).filtered
    assert a_profile(whole + ON).filtered, "whom it binds"


def test_help_comes_before_it_and_off_lifts_it_like_every_rule_of_the_family() -> None:
    kz = "band: '13-15'\nlaws: {kz-under-16-social: Mum}"
    assert a_judge(kz).decide(asks("childline.org.uk"), PLAIN, AFTERNOON).reason is Reason.HELP
    off = replace(PLAIN, off_until=almaty("2026-11-24T18:00"))
    assert a_judge(kz).decide(asks("vk.com"), PLAIN, AFTERNOON).reason is Reason.LAW
    assert a_judge(kz).decide(asks("vk.com"), off, AFTERNOON).allowed


def test_neither_a_repair_nor_an_opening_of_the_day_lifts_it() -> None:
    opened = replace(PLAIN, allowed=(("tiktok.com", almaty("2026-11-24T18:00")),))
    found = a_judge(f"band: '13-15'\n{ON}").decide(asks("www.tiktok.com"), opened, AFTERNOON)
    assert found.reason is Reason.LAW


def test_a_page_proxy_does_not_lead_around_it() -> None:
    judge = a_judge(f"band: '13-15'\n{ON}")
    assert judge.decide(asks("www-reddit-com.translate.goog"), PLAIN, AFTERNOON).reason is Reason.LAW


def test_why_says_it_in_its_place() -> None:
    judge = a_judge(f"band: '16-17'\n{ON}")
    assert "law" not in str(judge.decide(asks("www.tiktok.com"), PLAIN, AFTERNOON, explain=True).passed)
    found = a_judge(f"band: '13-15'\n{ON}").decide(asks("www.tiktok.com"), PLAIN, AFTERNOON, explain=True)
    steps = [step.rule for step in found.passed]
    assert "device needs" in steps
    assert "allow" not in steps


def test_a_file_names_laws_that_there_are() -> None:
    assert "did you mean" in refusal(lambda: a_profile("{band: 13-15, laws: {au-under-16-socials: Mum}}"))
    assert "at most 60" in refusal(lambda: a_profile(f"{{band: 13-15, laws: {{{AU}: {'M' * 61}}}}}"))


def test_what_is_said_of_them_is_what_the_file_says() -> None:
    rules = a_profile("{band: 13-15, laws: {au-under-16-social: Mum, kz-under-16-social: true}}").rules
    assert spoken_laws(rules.laws) == {AU: "Mum", "kz-under-16-social": "true"}


def test_nobody_turns_one_on_in_somebody_elses_name() -> None:
    asked = {"laws/au-x": "Dad", "laws/gb-x": True, "laws/kz-x": None, "name": "Ann"}
    assert signed(asked, "Mum") == {"laws/au-x": "Mum", "laws/gb-x": "Mum", "laws/kz-x": None, "name": "Ann"}
    assert signed({"laws": {"au-x": "Dad"}}, "Mum") == {"laws": {"au-x": "Mum"}}


@pytest.mark.parametrize("word", ["false", "off", "No"])
def test_a_law_that_a_file_turns_off_is_not_on(word: str) -> None:
    rules = a_profile(f"{{band: 13-15, laws: {{{AU}: {word}, kz-under-16-social: Mum}}}}").rules
    assert spoken_laws(rules.laws) == {"kz-under-16-social": "Mum"}


@pytest.mark.parametrize("key", [f"laws/{AU}", "laws"])
def test_false_in_an_edit_turns_no_law_on(key: str) -> None:
    changes = signed({key: False if "/" in key else {AU: False}}, "Mum")
    text = yaml.safe_dump(edited({"band": "13-15"}, changes, product().bands))
    assert a_profile(text).rules.laws == ()


def test_a_null_in_the_laws_turns_none_on() -> None:
    changes = signed({"laws": {AU: None, "kz-under-16-social": True}}, "Mum")
    assert changes == {"laws": {AU: None, "kz-under-16-social": "Mum"}}
    with pytest.raises(PolicyError, match="holds a value that no rule has"):
        edited({"band": "13-15"}, changes, product().bands)
