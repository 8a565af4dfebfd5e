"""Profiles: what a file may say, merging with the band, and the built-in profiles guest and home."""

from __future__ import annotations

import textwrap
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.profile.profile import (
    Profile,
    conflict,
    guest_band,
    guest_profile,
    home_profile,
    parse_profile,
    union_of_bedtimes,
)
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.policy.profile.rules import (
    FAMILY,
    Action,
    Bedtime,
    EntryKind,
    Failure,
    Mode,
    Owned,
    Rules,
    SafeSearch,
)
from gateway.policy.time.time_text import Span, every_day
from tests.policy.homes import a_profile, product, refusal, words

CONTRACT = """
name: Daughter
band: 10-12                      # 0-5 6-9 10-12 13-15 16-17 adult: supplies every default
devices: ["02:00:00:00:00:0a"]
mode: block-list                 # or allow-list
categories: {social_networks: ask, video_sharing: count}   # block | ask | count | allow
allow: [khanacademy.org, "service:youtube-kids"]
block: [example.com, "category:gambling", "service:tiktok"]
homework: [bilimland.kz]         # never counted, open when time is used up
safe_search: strict              # strict | moderate | off
bedtime: {school: "20:45-07:00", free: "21:45-08:00"}
limits: {internet: {school: 2h, free: 3h}, play: 90m, "service:youtube": 1h}
windows: {"service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00", "15:00-19:00"]}}
strict: false                    # only addresses that an allowed name resolved to
log_level: 2                     # never above the maximum of the highest band ever held
failure: closed                  # while the daemon is down
clock_unset: strict              # while the time is unknown
"""


def limit_hours(rules: Rules, target: str) -> tuple[float, float]:
    school, free = (rules.limits[target].on(0, free=free) for free in (False, True))
    assert school is not None
    assert free is not None
    return school.value / timedelta(hours=1), free.value / timedelta(hours=1)


def test_the_profile_of_the_contract() -> None:
    daughter = a_profile(CONTRACT)
    rules = daughter.rules
    assert (daughter.id, daughter.name, daughter.band) == ("daughter", "Daughter", AgeBand.AGE_10_12)
    assert daughter.devices == ("02:00:00:00:00:0a",)
    assert rules.mode.value is Mode.BLOCK_LIST
    assert rules.categories["social_networks"].value is Action.ASK
    assert rules.categories["adult"].value is Action.BLOCK
    assert [str(one) for one in rules.allow] == ["khanacademy.org", "service:youtube-kids"]
    assert [one.kind for one in rules.block] == [EntryKind.NAME, EntryKind.CATEGORY, EntryKind.SERVICE]
    assert [str(one) for one in rules.homework] == ["bilimland.kz"]
    assert rules.safe_search.value is SafeSearch.STRICT
    assert limit_hours(rules, "internet") == (2, 3)
    assert limit_hours(rules, "play") == (1.5, 1.5)
    assert limit_hours(rules, "service:youtube") == (1, 1)
    windows = rules.windows["service:roblox"].on(6, free=True)
    assert windows is not None
    assert [str(one) for one in windows.value] == ["10:00-12:00", "15:00-19:00"]
    assert rules.failure.value is Failure.CLOSED
    assert daughter.filtered
    assert daughter.is_child
    assert daughter.closes


def test_each_rule_keeps_its_owner() -> None:
    rules = a_profile("{band: 10-12, categories: {games: allow}, block: [example.com]}").rules
    assert rules.categories["games"].owner == "family"
    assert rules.categories["adult"].owner == "band:10-12"
    assert rules.block[0].owner == "family"
    assert rules.mode.owner == "band:10-12"
    assert a_profile("{band: 10-12, mode: allow-list}").rules.mode.owner == "family"


def test_a_band_alone_is_a_profile() -> None:
    plain = a_profile("band: 10-12", "son")
    assert plain.name == "son"
    assert plain.rules == product().bands[AgeBand.AGE_10_12].rules


# The contract's merging.


@pytest.mark.parametrize("key", ["bedtime", "limits", "categories", "windows", "ways"])
def test_an_empty_mapping_clears_the_bands_default(key: str) -> None:
    rules = a_profile(f"{{band: 10-12, {key}: {{}}}}").rules
    assert not getattr(rules, key)


def test_mappings_add_to_the_bands() -> None:
    rules = a_profile("""
        band: 10-12
        bedtime: {free: "23:00-09:00"}
        limits: {internet: 4h}
        categories: {games: allow}
        """).rules
    school, free = rules.bedtime.on(0, free=False), rules.bedtime.on(0, free=True)
    assert school is not None
    assert free is not None
    assert (str(school.value), school.owner) == ("20:45-07:00", "band:10-12")
    assert (str(free.value), free.owner) == ("23:00-09:00", "family")
    assert set(rules.limits) == {"internet", "play"}
    assert rules.categories["games"].value is Action.ALLOW
    assert rules.categories["video_sharing"].value is Action.COUNT


def test_ways_add_to_the_bands() -> None:
    rules = a_profile("{band: 13-15, ways: {vpn: allow, ssh: block}}").rules
    assert rules.ways[BypassMethod.VPN] == Owned(MethodSetting.ALLOW, "family")
    assert rules.ways[BypassMethod.SSH] == Owned(MethodSetting.BLOCK, "family")
    assert rules.ways[BypassMethod.TOR] == Owned(MethodSetting.BLOCK, "band:13-15")


def test_part_of_a_limit_is_replaced_by_day_type_and_part_cleared() -> None:
    rules = a_profile("{band: 10-12, limits: {play: {free: 5h}}}").rules
    assert limit_hours(rules, "play") == (2, 5)
    rules = a_profile("{band: 10-12, limits: {play: {}, internet: 3h}}").rules
    assert set(rules.limits) == {"internet"}


def test_scalars_replace() -> None:
    rules = a_profile("{band: 10-12, safe_search: off, failure: open, log_level: 0, strict: yes}").rules
    assert rules.safe_search.value is SafeSearch.OFF
    assert rules.failure.value is Failure.OPEN
    assert rules.log_level == 0
    assert rules.strict.value


def test_a_single_window_or_bedtime_holds_every_day() -> None:
    rules = a_profile('{band: 10-12, bedtime: "21:00-06:30", windows: {internet: "08:00-20:00"}}').rules
    for free in (False, True):
        night, day = rules.bedtime.on(3, free=free), rules.windows["internet"].on(3, free=free)
        assert night is not None
        assert day is not None
        assert str(night.value) == "21:00-06:30"
        assert [str(one) for one in day.value] == ["08:00-20:00"]


# What is filtered at all.


@pytest.mark.parametrize(
    ("text", "filtered"),
    [
        ("band: adult", False),
        ("{band: adult, allow: [example.com], log_level: 0}", False),
        ("{band: adult, categories: {gambling: allow}}", False),
        ("{band: adult, block: ['category:gambling']}", True),
        ("{band: adult, categories: {gambling: block}}", True),
        ("{band: adult, ways: {tor: block}}", True),
        ("{band: adult, ways: {tor: allow}}", False),
        ("{band: adult, limits: {'service:tiktok': 30m}}", True),
        ("{band: adult, bedtime: '23:00-06:00'}", True),
        ("{band: adult, safe_search: strict}", True),
        ("{band: adult, mode: allow-list}", True),
        ("band: 16-17", True),
    ],
)
def test_a_profile_that_refuses_nothing_is_not_filtered(text: str, filtered: bool) -> None:
    assert a_profile(text).filtered is filtered


def test_an_adult_with_rules_of_their_own_is_still_no_child() -> None:
    assert not a_profile("{band: adult, bedtime: '23:00-06:00'}").is_child


def test_home_filters_nothing_and_logs_nothing() -> None:
    home = home_profile(product().bands)
    assert (home.id, home.filtered, home.is_child, home.rules.log_level) == ("home", False, False, 0)


def test_the_log_level_is_never_above_the_maximum_of_the_highest_band_ever_held() -> None:
    bands = product().bands
    son = a_profile("{band: 10-12, log_level: 2}")
    assert son.with_log_level(AgeBand.AGE_10_12, bands).rules.log_level == 2
    assert son.with_log_level(AgeBand.AGE_13_15, bands).rules.log_level == 1
    assert son.with_log_level(AgeBand.AGE_16_17, bands).rules.log_level == 0
    assert (
        a_profile("{band: 10-12, log_level: 1}").with_log_level(AgeBand.AGE_10_12, bands).rules.log_level == 1
    )


# Mistakes: file, line, key and mend.


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x", "kid.yaml:1: has no 'band'"),
        ("band: 11-12", "kid.yaml:1: band: '11-12' is not known here; did you mean '10-12'?"),
        ("band: 10-12\nbed_time: x", "kid.yaml:2: bed_time: is not a known key; did you mean 'bedtime'?"),
        (
            "band: 10-12\nmode: blocklist",
            "kid.yaml:2: mode: 'blocklist' is not known here; did you mean 'block-list'?",
        ),
        ("band: 10-12\nblock: [co.uk]", "kid.yaml:2: block[1]: 'co.uk' is a public suffix"),
        ("band: 10-12\nblock: ['service:tiktoc']", "no service of the catalogue; did you mean 'tiktok'?"),
        ("band: 10-12\nblock: ['category:gamling']", "did you mean 'gambling'?"),
        ("band: 10-12\nblock: ['catgory:games']", "write a domain, service:<id> or category:<id>"),
        ("band: 10-12\nallow: ['category:malware']", "'malware' is blocked for everyone"),
        ("band: 10-12\ncategories: {csam: allow}", "'csam' is blocked for everyone"),
        (
            "band: 10-12\nways: {vnp: block}",
            "2: ways.vnp: 'vnp' is no way around the filter; did you mean 'vpn'",
        ),
        ("band: 10-12\nways: {vpn: ask}", "ways.vpn: 'ask' is not known here; use one of: block, allow"),
        ("band: 10-12\nways: [vpn]", "ways: is a list, not a mapping"),
        ("band: 10-12\ncategories: {games: deny}", "categories.games: 'deny' is not known here"),
        ("band: 10-12\nlimits: {internet: 25h}", "limits.internet: '25h' is more than 24 hours"),
        ("band: 10-12\nlimits: {interent: 2h}", "did you mean 'internet'?"),
        ("band: 10-12\nlimits: {internet: {holiday: 2h}}", "limits.internet.holiday: 'holiday' is not a day"),
        ("band: 10-12\nlimits:", "limits: is empty; write {} to clear"),
        ("band: 10-12\nbedtime: {school: '8pm'}", "bedtime.school: '8pm' is not a span of time"),
        ("band: 10-12\nwindows: {internet: ['10:00-12:00', '11:00-13:00']}", "overlaps"),
        ("band: 10-12\nwindows: {'service:nope': ['10:00-12:00']}", "'nope' is no service of the catalogue"),
        ("band: 10-12\ndevices: ['02:00:00:00:00']", "devices[1]: '02:00:00:00:00' is not a MAC address"),
        ("band: 10-12\ndevices: ['01:00:5e:00:00:01']", "is no device's address"),
        ("band: 10-12\nlog_level: 3", "log_level: 3 is more than this band may have; write 2 or less"),
        ("band: 16-17\nlog_level: 1", "write 0 or less"),
        ("band: 10-12\nname: all", "means something else on the command line"),
        ("band: 10-12\nname: '02:00:00:00:00:0a'", "means something else"),
        ("band: 10-12\nname: " + "x" * 61, "has 61 characters"),
        ("band: 10-12\nstrict: maybe", "is neither true nor false"),
        ("band: 10-12\nallow: example.com", "allow: is a text, not a list"),
        ("band: 10-12\nblock: [a.example, A.example]", "'a.example' is there twice"),
        ("band: 10-12\nblock: ['http://a.example/x']", "write a.example"),
        ("band: 10-12\nhomework: [192.0.2.1]", "is an address, not a name"),
        ("band: 10-12\nunknown: count", "'count' is not known here"),
        (
            "band: 10-12\nlanding: 20m",
            ":2: landing: '20m' is more than 15 minutes; write at most 15m",
        ),
        ("band: 10-12\nlanding: soon", "'soon' is not a duration"),
        ("band: 10-12\nlinger: 1h", "'1h' is more than 30 minutes"),
        ("band: 10-12\nauto_approve: 3h", "'3h' is more than 2 hours; write at most 2h"),
        ("band: 10-12\nupdates: never", "'never' is neither true nor false"),
        ('band: 10-12\nportal: ["02:00:00:00:00"]', "is not a MAC address"),
        ("band: 10-12\ncalendars: school.ics", "is a text, not a list"),
        ("band: 10-12\ncalendars: [a, b, c, d, e, f, g, h, i]", "has 9 calendars; use at most 8"),
        ('band: 10-12\nlimits: {"group:gamez": 1h}', "no group of the catalogue; did you mean 'games'?"),
        ("band: 10-12\nlimits: {internet: 25h}", "'25h' is more than 24 hours"),
        ("band: 10-12\nlimits: {internet: {holiday: 1h}}", "'holiday' is not a day"),
        ("band: 10-12\nwindows: {internet: }", "is empty; write [] for never, {} for no window"),
        ('band: 10-12\nwindows: {internet: "18:00-16:00"}', "ends before it starts"),
        ('band: 10-12\nbedtime: "00:00-24:00"', "has no morning"),
        ('band: 10-12\nbedtime: "07:00-20:45"', 'a day, not a night; write the evening first: "20:45-07:00"'),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=r"kid\.yaml:\d+: ") as refused:
        parse_profile(text, "kid.yaml", "kid", product().bands, words())
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("profile_id", ["all", "Guest", "HOME", "дочь", "a b", "", "x" * 41, "-x", "../etc"])
def test_ids_that_no_profile_may_have(profile_id: str) -> None:
    with pytest.raises(PolicyError, match="rename the file"):
        parse_profile("band: 10-12", f"{profile_id}.yaml", profile_id, product().bands, words())


def test_too_many_entries_and_devices() -> None:
    many = ", ".join(f"a{number}.example" for number in range(2001))
    with pytest.raises(PolicyError, match="has 2001 entries"):
        a_profile(f"{{band: 10-12, block: [{many}]}}")
    devices = ", ".join(f"'02:00:00:00:00:{number:02x}'" for number in range(65))
    with pytest.raises(PolicyError, match="has 65 devices"):
        a_profile(f"{{band: 10-12, devices: [{devices}]}}")


# Several profiles.


def two(first: str, second: str) -> PolicyError | None:
    one, other = a_profile(first, "daughter"), a_profile(second, "son")
    return conflict(other, [one], "son.yaml", second)


def test_a_device_in_two_profiles_is_an_error_that_names_both() -> None:
    problem = two(
        "{band: 10-12, devices: ['02:00:00:00:00:0a']}", "{band: 6-9, devices: ['02-00-00-00-00-0A']}"
    )
    assert problem is not None
    assert "02:00:00:00:00:0a is in the profiles 'daughter' and 'son'" in str(problem)


@pytest.mark.parametrize(
    ("first", "second"), [("Ада", "аДА"), ("Son", "x"), ("x", "DAUGHTER"), ("Anna", "ANNA")]
)
def test_a_name_stands_for_one_profile(first: str, second: str) -> None:
    problem = two(f"{{band: 10-12, name: {first}}}", f"{{band: 10-12, name: {second}}}")
    assert problem is not None
    assert "have the same name" in str(problem)


WORDS = st.sampled_from(
    ["band", "10-12", "mode", "limits", "internet", "2h", "bedtime", "school", "20:45-07:00", "{}", "[]",
     ":", ",", "{", "}", "[", "]", "\n", "  ", "- ", "allow", "service:tiktok", "category:x", "'", '"',
     "&a", "*a", "!x", "off", "example.com", "devices", "02:00:00:00:00:0a", "windows", "#", "|", ">",
     "?", "~", "\t", "é", "--- "]
)  # fmt: skip


@given(st.one_of(st.text(), st.binary(), st.lists(WORDS, max_size=30).map("".join)))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_profile_or_one_line(source: str | bytes) -> None:
    assert "\n" not in refusal(lambda: parse_profile(source, "f", "kid", product().bands, words()))


@given(
    st.text(max_size=30),
    st.sampled_from(["allow", "name", "limits", "bedtime", "mode", "devices", "windows"]),
)
@settings(max_examples=300, deadline=None)
def test_any_value_is_a_profile_or_one_line(value: str, key: str) -> None:
    quoted = "".join(f"\\U{ord(char):08x}" for char in value)
    assert "\n" not in refusal(lambda: a_profile(f'band: 10-12\n{key}: "{quoted}"'))


def test_the_contracts_text_is_read_as_written() -> None:
    assert textwrap.dedent(CONTRACT) == CONTRACT


def test_the_keys_of_time_and_their_defaults() -> None:
    child, adult = a_profile("band: 10-12").rules, a_profile("band: adult").rules
    assert (child.landing.value, adult.landing.value) == (timedelta(minutes=10), timedelta())
    assert child.landing.owner == "band:10-12"
    assert child.linger.value == child.auto_approve.value == timedelta()
    assert child.updates.value
    assert (child.dates, child.calendars, child.portal) == ({}, (), frozenset())
    own = a_profile(
        """
        band: 10-12
        landing: 0m
        linger: 10m
        auto_approve: 30m
        updates: false
        portal: ["02-00-00-00-00-0A"]
        calendars: [school.ics]
        limits: {"group:games": 1h}
        windows: {"group:video": "16:00-18:00"}
        """
    ).rules
    assert own.landing == Owned(timedelta(), "family")
    assert (own.linger.value, own.auto_approve.value) == (timedelta(minutes=10), timedelta(minutes=30))
    assert own.updates == Owned(False, "family")
    assert own.portal == {"02:00:00:00:00:0a"}
    assert own.calendars == ("school.ics",)
    assert set(own.limits) == {"play", "group:games"}
    assert set(own.windows) == {"group:video"}


BANDS = product().bands


def family(*texts: str) -> list[Profile]:
    return [a_profile(text, f"child{number}") for number, text in enumerate(texts)]


def night(profile: Profile, *, free: bool) -> str:
    owned = profile.rules.bedtime.on(0, free=free)
    return "none" if owned is None else str(owned.value)


@pytest.mark.parametrize(
    ("bands", "guests"),
    [
        ([], "10-12"),
        (["0-5", "6-9"], "10-12"),  # none of them has a block-list band
        (["6-9", "13-15"], "13-15"),
        (["16-17", "10-12", "13-15"], "10-12"),
        (["16-17"], "16-17"),
        (["adult"], "10-12"),
    ],
)
def test_guests_get_the_categories_of_the_youngest_block_list_band(bands: list[str], guests: str) -> None:
    profiles = family(*(f"band: {band}" for band in bands))
    assert guest_band(profiles, BANDS).value == guests


def test_a_guest_is_never_in_an_allow_list_and_never_logged() -> None:
    guest = guest_profile(family("{band: 10-12, mode: allow-list, unknown: ask, log_level: 2}"), BANDS)
    assert guest.rules.mode.value is Mode.BLOCK_LIST
    assert guest.rules.unknown.value is Action.ALLOW
    assert guest.rules.log_level == 0
    assert not guest.rules.strict.value
    assert (guest.id, guest.built_in, guest.is_child, guest.filtered) == ("guest", True, False, True)


def test_a_guest_spends_nothing_and_has_no_family_entries() -> None:
    guest = guest_profile(
        family("{band: 10-12, block: [example.com], homework: [a.example], limits: {internet: 1h}}"), BANDS
    )
    assert not guest.rules.limits
    assert not guest.rules.windows
    assert not guest.rules.block
    assert not guest.rules.homework
    assert guest.rules.categories["games"].value is Action.ALLOW
    assert guest.rules.categories["adult"].value is Action.BLOCK


def test_a_guest_s_vpn_is_open_and_no_other_way() -> None:
    ways = guest_profile(family("band: 10-12"), BANDS).rules.ways
    assert {way for way, one in ways.items() if one.value is MethodSetting.ALLOW} == {BypassMethod.VPN}
    assert set(ways) == set(BypassMethod)


def test_closed_from_the_earliest_bedtime_to_the_latest_morning() -> None:
    guest = guest_profile(
        family(
            'band: 10-12\nbedtime: {school: "20:45-07:00", free: "21:45-08:00"}',
            'band: 13-15\nbedtime: {school: "22:00-06:30", free: "00:30-10:00"}',
        ),
        BANDS,
    )
    assert night(guest, free=False) == "20:45-07:00"
    assert night(guest, free=True) == "21:45-10:00"


def test_a_family_without_bedtimes_does_not_close_guests() -> None:
    assert night(guest_profile(family("band: 16-17"), BANDS), free=False) == "none"
    assert night(guest_profile([], BANDS), free=True) == "none"


def test_an_adults_bedtime_is_not_the_childrens() -> None:
    guest = guest_profile(family("band: 10-12", "{band: adult, bedtime: '18:00-12:00'}"), BANDS)
    assert night(guest, free=False) == "20:45-07:00"


@pytest.mark.parametrize(
    ("spans", "union"),
    [
        ([Span(1245, 420), Span(30, 540)], "20:45-09:00"),
        ([Span(30, 540), Span(60, 600)], "00:30-10:00"),
        ([Span(1245, 420)], "20:45-07:00"),
        ([Span(600, 500), Span(0, 1000)], "10:00-09:59"),  # never more than a day
    ],
)
def test_the_union_of_nights(spans: list[Span], union: str) -> None:
    nights: list[Bedtime] = [every_day(Owned(span, "family")) for span in spans]
    owned = union_of_bedtimes(nights).on(3, free=False)
    assert owned is not None
    assert str(owned.value) == union


@pytest.mark.parametrize(
    ("one", "other", "union"),
    [
        ('"20:45-24:00"', '"22:00-07:00"', "20:45-07:00"),
        ('"20:45-24:00"', '"21:00-24:00"', "20:45-00:00"),
        ('"20:00-23:00"', '"21:00-07:00"', "21:00-07:00"),  # an evening of one child alone
        ('"13:00-15:00"', '"20:45-07:00"', "20:45-07:00"),
        ('"13:00-15:00"', '"13:30-16:00"', "13:00-16:00"),
        ('"00:30-07:00"', '"20:45-24:00"', "20:45-07:00"),
    ],
)
def test_no_guest_is_shut_out_all_day_by_an_odd_bedtime(one: str, other: str, union: str) -> None:
    guest = guest_profile(family(f"band: 10-12\nbedtime: {one}", f"band: 13-15\nbedtime: {other}"), BANDS)
    assert night(guest, free=False) == union


def test_categories_name_services_too() -> None:
    text = 'band: 10-12\ncategories: {games: allow, "service:roblox": ask}'
    rules = a_profile(text).rules
    assert rules.categories["service:roblox"] == Owned(Action.ASK, FAMILY)
    assert rules.actions("roblox", ["games"]) == {Action.ASK}
    assert rules.actions("minecraft", ["games"]) == {Action.ALLOW}
    assert rules_to_yaml(rules)["categories"]["service:roblox"] == "ask"
    assert "'robloks' is no service of the catalogue" in refusal(
        lambda: a_profile('band: 10-12\ncategories: {"service:robloks": ask}')
    )
