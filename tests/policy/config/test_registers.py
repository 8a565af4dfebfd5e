"""A state's register: off unless somebody turned it on, then for everyone, and of no kind of sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import pytest

from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.config.config import Config, parse_config
from gateway.policy.config.registers import Register, in_force
from gateway.policy.judge.explanation import Names, sentence, short
from gateway.policy.judge.facts import blocked_by_register
from gateway.policy.judge.world import World
from gateway.policy.requests.askable import check_askable, outcome
from gateway.policy.time.time_rules import PLAIN, Situation
from gateway.policy.values import Decision, Reason, Verdict
from tests.policy.homes import ALMATY, a_judge, a_profile, a_world, almaty, asks, connects, table

NOON = almaty("2026-11-26T12:00")  # a Thursday
TUESDAY = date(2026, 11, 24)
KZ = Register("kz", "https://register.example/kz.txt", "", on=True, by="Mum", since=TUESDAY)
LISTED = {
    "listed.example": {"law:kz"},
    "both.example": {"law:kz", "gambling"},
    "childline.org.uk": {"law:kz"},
    "connectivitycheck.gstatic.com": {"law:kz"},
    "virus.example": {"law:kz", "malware"},
    "other.example": {"law:ru"},
}
CHILD = "band: 10-12\nname: Daughter\nallow: [listed.example]\nhomework: [listed.example]\n"
ASKING = "band: 6-9\nname: Son\n"
ADULT = "band: adult\nname: Mum\n"
STATES = Names(states={"kz": "Kazakhstan"})


def world(*registers: Register, listed: Mapping[str, set[str]] = LISTED) -> World:
    made = a_world(help_names={"childline.org.uk": "Childline"})
    return replace(made, table=table(listed), registers=in_force(registers))


def decided(
    host: str, *registers: Register, profile: str = CHILD, situation: Situation = PLAIN, explain: bool = False
) -> Decision:
    return a_judge(profile, world(*registers)).decide(asks(host), situation, NOON, explain=explain)


@pytest.mark.parametrize("profile", [CHILD, ASKING, ADULT])
@pytest.mark.parametrize("host", ["listed.example", "www.a.listed.example"])
def test_one_that_is_on_binds_everyone_whatever_is_allowed(profile: str, host: str) -> None:
    found = decided(host, KZ, profile=profile)
    assert (found.verdict, found.reason) == (Verdict.BLOCK, Reason.REGISTER)
    assert (found.rule, found.owner) == ("law:kz since 2026-11-24", "law:kz:Mum")
    assert not found.askable


def test_it_holds_while_filtering_is_off() -> None:
    off = Situation(day=NOON.date(), off_until=almaty("2026-11-26T18:00"))
    assert decided("listed.example", KZ, situation=off).reason is Reason.REGISTER


def test_it_holds_for_flows_by_their_names() -> None:
    judge = a_judge(CHILD, world(KZ))
    assert judge.decide(connects("listed.example"), PLAIN, NOON).reason is Reason.REGISTER


@pytest.mark.parametrize("registers", [(), (replace(KZ, on=False),), (replace(KZ, country="ru"),)])
def test_one_that_is_off_closes_nothing_and_makes_nothing_known(registers: tuple[Register, ...]) -> None:
    assert decided("listed.example", *registers).reason is Reason.HOMEWORK
    assert decided("both.example", *registers).rule.endswith("category:gambling = block")
    unlisted = decided("nobody-knows.example", *registers, profile=ASKING)
    assert decided("listed.example", *registers, profile=ASKING) == unlisted, "what it names is of no kind"
    assert decided("listed.example", *registers, profile=ADULT).allowed


def test_help_and_what_devices_need_stay_open() -> None:
    assert decided("childline.org.uk", KZ).reason is Reason.HELP
    assert decided("connectivitycheck.gstatic.com", KZ).reason is Reason.DEVICE_NEEDS
    assert decided("connectivitycheck.gstatic.com", KZ, profile=ADULT).allowed
    assert decided("other.example", KZ).reason is not Reason.REGISTER, "another state's, which is not on"


def test_what_is_refused_for_everyone_is_told_as_that_alone() -> None:
    found = decided("virus.example", KZ)
    assert (found.reason, found.owner) == (Reason.REFUSED_FOR_EVERYONE, "product")
    assert decided("virus.example").reason is Reason.REFUSED_FOR_EVERYONE


def test_why_names_it_on_the_way() -> None:
    steps = [one.rule for one in decided("listed.example", KZ, explain=True).passed]
    assert steps == ["help", "refused for everyone"]
    rules = [one.rule for one in decided("childline.org.uk", KZ, explain=True).passed]
    assert "law:kz since 2026-11-24" not in rules


def test_nobody_can_ask_for_it() -> None:
    profile = a_profile(CHILD)
    found = outcome("listed.example", profile, world(KZ))
    assert found.reason is Reason.REGISTER
    with pytest.raises(ControlError) as caught:
        check_askable("listed.example", found, "Daughter")
    assert (caught.value.code, caught.value.values) == (Code.ON_REGISTER, {"host": "listed.example"})
    assert outcome("childline.org.uk", profile, world(KZ)).reason is not Reason.REGISTER


@pytest.mark.parametrize(
    ("register", "at", "who"),
    [
        (KZ, "2026-11-24T20:00", "Mum turned it on today."),
        (KZ, "2026-11-26T12:00", "Mum turned it on, on Tuesday."),
        (KZ, "2026-12-24T12:00", "Mum turned it on, on 24 November."),
        (replace(KZ, since=None), "2026-11-26T12:00", "Mum turned it on."),
        (replace(KZ, by="console"), "2026-11-26T12:00", "It was turned on in this home."),
        (replace(KZ, by="", since=None), "2026-11-26T12:00", "It was turned on in this home."),
        (replace(KZ, by="A: b: c"), "2026-11-26T12:00", "A: b: c turned it on, on Tuesday."),
    ],
)
def test_the_sentence_names_the_state_and_who_turned_it_on(register: Register, at: str, who: str) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=ALMATY)
    what = "listed.example is blocked: it is on a list of a state, the register of Kazakhstan."
    decision = blocked_by_register(register)
    assert sentence(decision, "listed.example", now, STATES) == f"{what} {who}"
    text = short(decision, "listed.example", now, STATES)
    assert text in (what, f"{what} {who}", f"{what} You can complain about it.")
    assert "register of KZ" in short(decision, "listed.example", now)


# ---------------------------------------------------------------------------------------- qalqan.yaml


def config(text: str) -> Config:
    return parse_config(text, "qalqan.yaml", public_suffix_check())


def test_nothing_is_on_that_nobody_wrote() -> None:
    assert config("lan: [br-lan]\n").registers == ()
    read = config("registers: {kz: {url: 'https://register.example/kz.txt'}, ru: {file: /srv/ru.txt}}\n")
    assert [(one.country, one.on) for one in read.registers] == [("kz", False), ("ru", False)]
    assert in_force(read.registers) == {}


def test_what_is_written_is_what_is_read() -> None:
    for one in (
        KZ,
        replace(KZ, on=False, by="", since=None),
        replace(KZ, url="", file="/srv/kz.txt", by="No"),
    ):
        lines = "".join(f"    {key}: {str(value)!r}\n" for key, value in one.written().items())
        assert config(f"registers:\n  kz:\n{lines}").registers == (one,)


SEALED = "sealed: [{url: 'https://a.example/x', issuer_key: " + "a" * 64 + ", set_key_file: /etc/k}]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("registers: {csam: {url: 'https://a.example/x'}}", "a register is no list of another kind"),
        ("registers: {malware: {file: /a}}", "is no country"),
        ("registers: {kz: {url: 'https://a.example/x', category: csam}}", "category"),
        ("registers: {kz: {url: 'http://a.example/x'}}", "is no HTTPS address"),
        ("registers: {kz: {url: 'https://a.example/x', file: /a}}", "needs either"),
        ("registers: {kz: {}}", "needs either"),
        ("registers: {kz: {file: a/b}}", "is not a full path"),
        ("registers: {kz: {file: /a, on: perhaps}}", "perhaps"),
        ("registers: {kz: {file: /a, on: true, since: yesterday}}", "yesterday"),
        ("registers: {kz: {file: /a}, ru: {file: /a}}", "one list as two registers"),
        ("registers:\n" + "".join(f"  a{one}: {{file: /{one}}}\n" for one in "abcde"), "at most 4"),
        (SEALED + "registers: {kz: {url: 'https://a.example/x'}}", "never what is blocked for everyone"),
    ],
)  # fmt: skip
def test_what_it_cannot_be(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        config(text)
    assert said in str(refused.value)
