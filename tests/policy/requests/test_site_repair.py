"""A repair opens unknown names on its device, and nothing that a rule of the family blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.judge.decide import Judge
from gateway.policy.names.hosts import PublicSuffixCheck, is_under
from gateway.policy.requests.site_repair import MAX_NAMES, RepairLog, domain_of, entries, is_shared
from gateway.policy.time.time_rules import ActiveRepair, GateOpening, Situation, standing
from gateway.policy.values import Observation, Proto, Reason, Verdict
from tests.policy.homes import CALENDAR, TABLE, a_judge, a_profile, almaty, asks, connects, product, the_world

NOON = almaty("2026-11-24T12:00")
NIGHT = almaty("2026-11-24T23:00")
SITE = "school.example"
END = NOON + timedelta(minutes=5)
REPAIRED = Situation(repair=ActiveRepair(SITE, frozenset(), END))
BANDS = {
    "toddler": "band: 0-5",
    "small": "band: 6-9",
    "strict": "band: 10-12\nmode: allow-list\nstrict: true\nblock: [blocked.example]",
    "asking": "band: 6-9\ncategories: {games: ask, dating: ask}\nblock: ['service:wikipedia']",
}
LIFTED = {Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN, Reason.NEW_DOMAIN}
HOSTS = (
    *TABLE, *(f"www.{SITE}", SITE), "parts.example", "cdn.parts.example", "blocked.example", "www.tiktok.com",
    "www.youtube.com", "roblox.com", "wikipedia.org", "www.google.com", "mask.icloud.com", "nordvpn.com",
    "cloudflare-dns.com", "dns.google", "use-application-dns.net", "school-example.translate.goog",
    "tiktok-com.translate.goog", "fresh.example", f"virus.{SITE}",
)  # fmt: skip


@cache
def judge(who: str) -> Judge:
    return a_judge(BANDS[who])


def said(who: str, seen: Observation, situation: Situation = REPAIRED) -> tuple[str, str]:
    decision = judge(who).decide(seen, situation, NOON)
    return decision.verdict.value, decision.reason.value


@pytest.mark.parametrize("who", ["toddler", "small", "strict"])
def test_the_site_and_what_nobody_knows_are_open_while_it_runs(who: str) -> None:
    for host in (SITE, f"www.{SITE}", "cdn.parts.example"):
        assert said(who, asks(host)) == ("allow", "family_allow")
        before = judge(who).decide(asks(host), Situation(), NOON)
        assert before.reason in LIFTED
        decision = judge(who).decide(asks(host), REPAIRED, NOON)
        assert (decision.rule, decision.owner, decision.until) == (f"site repair: {SITE}", "family", END)
        assert judge(who).decide(asks(host), REPAIRED, END) == before, "it ends without a command"


def test_a_site_that_asks_first_by_its_kind_is_open_as_itself_alone() -> None:
    plays = replace(REPAIRED, repair=ActiveRepair("plays.example", frozenset(), END))
    assert said("asking", asks("www.plays.example"), plays)[0] == "allow"
    assert said("asking", asks("plays.example"))[0] == "block", "as a part of another site it stays refused"
    casino = replace(REPAIRED, repair=ActiveRepair("casino.example", frozenset(), END))
    assert said("small", asks("casino.example"), casino)[0] == "block"


def test_other_services_stay_as_they_are() -> None:
    for host in ("www.youtube.com", "www.tiktok.com", "roblox.com", "open.spotify.com", "www.google.com"):
        assert said("toddler", asks(host))[0] == "block"
    video = Situation(repair=ActiveRepair("youtube.com", frozenset({"youtube"}), END))
    assert said("toddler", asks("i.ytimg.com"), video)[0] == "allow", "the site's own service"


def test_time_is_not_lifted() -> None:
    later = replace(REPAIRED, repair=ActiveRepair(SITE, frozenset(), NIGHT + timedelta(minutes=5)))
    assert judge("toddler").decide(asks(SITE), later, NIGHT).reason is Reason.BEDTIME
    paused = replace(REPAIRED, paused_until=NOON + timedelta(hours=1))
    assert said("toddler", asks(SITE), paused) == ("block", "paused")


def test_in_strict_mode_a_name_needs_its_own_address_still() -> None:
    class Nothing:
        def gave(self, host: str, address: bytes) -> bool:
            return False

        vouched = gave

        def hosts(self, address: bytes) -> tuple[str, ...]:
            return ()

    situation = replace(REPAIRED, resolved=Nothing())
    for who in BANDS:
        assert said(who, connects(SITE), situation) == ("block", "unresolved")
        assert said(who, connects(None), situation)[0] == "block"


seen = st.sampled_from(HOSTS).flatmap(
    lambda host: st.sampled_from((asks(host), connects(host), connects(host, proto=Proto.HTTP)))
) | st.sampled_from(
    (
        connects(None),
        Observation(Proto.UDP, None, b"\xc6\x33\x64\x07", 51820),
        Observation(Proto.DNS, SITE, b"\x08\x08\x08\x08", 5353, 1),
        Observation(Proto.PROXY, SITE, b"\xc6\x33\x64\x07", 3128),
        Observation(Proto.TLS, SITE, b"\xc6\x33\x64\x07", 853),
    )
)
situations = st.builds(
    Situation,
    quarantined=st.booleans(),
    paused_until=st.none() | st.just(NOON + timedelta(hours=30)),
    grants=st.lists(
        st.builds(
            GateOpening, gate=st.sampled_from(("bedtime", "play")), until=st.just(NOON + timedelta(hours=9))
        ),
        max_size=2,
    ).map(tuple),
    day=st.just(NOON.date()),
    used=st.dictionaries(st.sampled_from(("internet", "play")), st.integers(0, 300), max_size=2),
    clock_known=st.booleans(),
)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(tuple(BANDS)),
    seen,
    situations,
    st.sampled_from(HOSTS),
    st.booleans(),
    st.integers(0, 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
)
def test_a_repair_opens_nothing_that_somebody_refused(
    who: str, seen: Observation, situation: Situation, site: str, serves: bool, now: datetime
) -> None:
    catalogue = product().catalogue
    services = frozenset(catalogue.services_of(site)) if serves else frozenset[str]()
    repair = ActiveRepair(site, services, now + timedelta(minutes=5))
    before = judge(who).decide(seen, situation, now)
    after = judge(who).decide(seen, replace(situation, repair=repair), now)
    if before.allowed:
        assert (after.verdict, after.gates) == (before.verdict, before.gates)
        return
    if not after.allowed:
        return
    assert seen.host is not None, "what names nothing is as it was"
    itself = is_under(seen.host, site)
    assert before.reason in LIFTED or (itself and before.reason is Reason.CATEGORY and before.askable)
    assert before.reason is not Reason.NEW_DOMAIN or before.askable
    assert services.issuperset(catalogue.services_of(seen.host))
    held = standing(judge(who).profile, situation, CALENDAR, now)
    assert held.closing(after.gates) is None, "no time rule is lifted"
    refused = {key for key, rule in judge(who).profile.rules.categories.items() if rule.value == "block"}
    assert the_world().table.categories(seen.host).isdisjoint(refused | {"malware", "phishing", "csam"})
    if after.verdict is Verdict.REWRITE:
        assert after.rewrite


def test_a_repair_of_one_device_is_nothing_to_another() -> None:
    """A situation is a device's own; the same judge without it says what it said."""
    other = Situation()
    before = judge("toddler").decide(asks(SITE), other, NOON)
    assert said("toddler", asks(SITE))[0] == "allow"
    assert judge("toddler").decide(asks(SITE), other, NOON) == before


def hear(notes: RepairLog, host: str, seconds: float, who: str = "toddler") -> bool:
    at = NOON + timedelta(seconds=seconds)
    return notes.record(asks(host), judge(who).decide(asks(host), REPAIRED, at), at)


def test_what_comes_within_a_page_load_is_proposed() -> None:
    notes = RepairLog(REPAIRED.repair)  # type: ignore[arg-type]
    assert hear(notes, "weather.example", 0), "before the site was asked for"
    assert hear(notes, f"www.{SITE}", 5)
    assert hear(notes, "cdn.parts.example", 6)
    assert hear(notes, "www.tiktok.com", 7)
    assert not hear(notes, "fonts.gstatic.com", 7), "open anyway"
    assert not hear(notes, "virus.example", 7), "in nobody's list"
    assert hear(notes, "late.example", 30)
    assert hear(notes, SITE, 60)
    assert hear(notes, "late.example", 61), "a page asked for it after all"
    assert not hear(notes, "weather.example", 100)
    found = {one.name: (one.proposed, one.refusal is not None) for one in notes.all()}
    assert found == {
        "weather.example": (False, False),
        f"www.{SITE}": (True, False),
        "cdn.parts.example": (True, False),
        "www.tiktok.com": (False, True),
        "late.example": (True, False),
        SITE: (True, False),
    }
    assert notes.lifted() == frozenset(found) - {"www.tiktok.com"}


def test_notes_are_bounded() -> None:
    notes = RepairLog(REPAIRED.repair)  # type: ignore[arg-type]
    for number in range(MAX_NAMES + 5):
        hear(notes, f"n{number}.example", 1)
    assert len(notes.all()) == MAX_NAMES
    assert notes.left_out == 5


@cache
def suffix() -> PublicSuffixCheck:
    return public_suffix_check()


def kept(*names: str, site: str = "school.kz") -> tuple[str, ...]:
    services = ["www.services.example"]
    return entries(names, site, suffix(), lambda domain: is_shared(domain, services))


@pytest.mark.parametrize(("names", "found"), [
    (("www.school.kz", "api.school.kz"), ("school.kz",)),
    (("a.parts.com", "b.parts.com", "c.parts.com"), ("parts.com",)),
    (("a.parts.com", "b.parts.com"), ("a.parts.com", "b.parts.com")),
    (("d1.cloudfront.net", "d2.cloudfront.net", "d3.cloudfront.net"),
     ("d1.cloudfront.net", "d2.cloudfront.net", "d3.cloudfront.net")),
    (("a.b-cdn.net", "b.b-cdn.net", "c.b-cdn.net"), ("a.b-cdn.net", "b.b-cdn.net", "c.b-cdn.net")),
    (("x.googleapis.com", "y.googleapis.com", "z.googleapis.com"),
     ("x.googleapis.com", "y.googleapis.com", "z.googleapis.com")),
    (("a.services.example", "b.services.example", "c.services.example"),
     ("a.services.example", "b.services.example", "c.services.example")),
    (("a.one.co.uk", "b.two.co.uk", "c.three.co.uk"), ("a.one.co.uk", "b.two.co.uk", "c.three.co.uk")),
    (("cdn.example.com", "x.cdn.example.com"), ("cdn.example.com",)),
    ((), ()),
])  # fmt: skip
def test_as_few_entries_as_open_the_names_and_no_stranger_s(
    names: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert kept(*names) == found


def test_a_site_on_shared_ground_is_kept_name_by_name() -> None:
    assert kept("www.mail.ru", site="mail.ru") == ("www.mail.ru",)


@pytest.mark.parametrize(("host", "domain"), [
    ("a.b.school.kz", "school.kz"), ("school.edu.kz", "school.edu.kz"), ("x.y.github.io", "y.github.io"),
    ("d1.cloudfront.net", "d1.cloudfront.net"), ("kz", "kz"),
])  # fmt: skip
def test_a_domain_is_what_somebody_registered(host: str, domain: str) -> None:
    assert domain_of(host, suffix()) == domain


names = st.lists(
    st.sampled_from(("a", "b", "c", "d.a")).flatmap(
        lambda label: st.sampled_from(
            ("school.kz", "parts.com", "cloudfront.net", "fastly.net", "co.uk", "services.example", "x.co.uk")
        ).map(lambda domain: f"{label}.{domain}")
    ),
    max_size=12,
)


@given(names)
def test_entries_cover_what_is_kept_and_are_never_a_suffix_or_shared(names: list[str]) -> None:
    found = kept(*names)
    check = suffix()
    assert all(any(is_under(name, one) for one in found) for name in names)
    for one in found:
        assert not check(one)
        assert one in names or not is_shared(one, ["www.services.example"])
        assert any(is_under(name, one) for name in names)
    assert a_profile(f"band: 0-5\nallow: {list(found)}") is not None
