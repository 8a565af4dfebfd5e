"""The text of a decision's rule: each form is written as before, and read back in its parts."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateway.policy import rule_text
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.profile.rules import (
    CATEGORY,
    SERVICE,
    Action,
    EntryKind,
    Mode,
    Owned,
    RuleEntry,
    SafeSearch,
)
from gateway.policy.rule_text import SAMPLE_MARK, ReadRule, read_rule
from gateway.policy.time.limit_periods import LimitPeriod
from gateway.policy.values import LAW

DAY, WEEK = LimitPeriod.DAY, LimitPeriod.WEEK
BAND = "band:10-12"
TIKTOK = RuleEntry(EntryKind.SERVICE, "tiktok", "family")
GAMES = RuleEntry(EntryKind.CATEGORY, "games", BAND)
SITE = RuleEntry(EntryKind.NAME, "bilimland.kz", "family")


def limit(target: str, minutes: int, bonus: int, period: LimitPeriod) -> str:
    return rule_text.limit_rule(target, rule_text.limit_text(minutes, bonus, period))


# What a writer returns, the text that is stored, its parts, and the key of the rule in a profile's file.
WRITTEN: list[tuple[str, str, dict[str, Any], str]] = [
    (
        rule_text.entry_rule("block", TIKTOK),
        "block: service:tiktok",
        {"key": "block", "target": "service:tiktok"},
        "block/service:tiktok",
    ),
    (
        rule_text.owned_rule(BAND, rule_text.entry_rule("block", GAMES)),
        "band 10-12: block: category:games",
        {"band": "10-12", "key": "block", "target": "category:games"},
        "block/category:games",
    ),
    (
        rule_text.entry_rule("allow", SITE),
        "allow: bilimland.kz",
        {"key": "allow", "target": "bilimland.kz"},
        "allow/bilimland.kz",
    ),
    (
        rule_text.entry_rule("homework", SITE),
        "homework: bilimland.kz",
        {"key": "homework", "target": "bilimland.kz"},
        "homework/bilimland.kz",
    ),
    (
        rule_text.category_rule("gambling", Owned(Action.BLOCK, BAND)),
        "band 10-12: category:gambling = block",
        {"band": "10-12", "key": "categories", "target": "category:gambling"},
        "categories/gambling",
    ),
    (
        rule_text.category_rule("service:roblox", Owned(Action.ASK, "family")),
        "service:roblox = ask",
        {"key": "categories", "target": "service:roblox"},
        "categories/service:roblox",
    ),
    (
        rule_text.value_rule("mode", Mode.ALLOW_LIST, "band:6-9"),
        "band 6-9: mode = allow-list",
        {"band": "6-9", "key": "mode"},
        "mode",
    ),
    (rule_text.value_rule("unknown", Action.ASK, "family"), "unknown = ask", {"key": "unknown"}, "unknown"),
    (rule_text.value_rule("strict", "true", "family"), "strict = true", {"key": "strict"}, "strict"),
    (
        rule_text.value_rule("safe_search", SafeSearch.MODERATE, "family"),
        "safe_search = moderate",
        {"key": "safe_search"},
        "safe_search",
    ),
    (
        rule_text.method_rule(BypassMethod.ENCRYPTED_DNS, MethodSetting.BLOCK, BAND),
        "band 10-12: ways: encrypted_dns = block",
        {"band": "10-12", "key": "ways", "target": "encrypted_dns"},
        "ways/encrypted_dns",
    ),
    (
        rule_text.method_rule(BypassMethod.VPN, MethodSetting.ALLOW),
        "ways: vpn = allow",
        {"key": "ways", "target": "vpn"},
        "ways/vpn",
    ),
    (
        rule_text.owned_rule(BAND, rule_text.bedtime_rule("20:45-07:00")),
        "band 10-12: bedtime: 20:45-07:00",
        {"band": "10-12", "key": "bedtime"},
        "bedtime",
    ),
    (
        rule_text.window_rule("internet", "never"),
        "windows: internet: never",
        {"key": "windows", "target": "internet"},
        "windows/internet",
    ),
    (
        rule_text.window_rule("service:minecraft", "16:00-18:00, 19:00-20:00"),
        "windows: service:minecraft: 16:00-18:00, 19:00-20:00",
        {"key": "windows", "target": "service:minecraft"},
        "windows/service:minecraft",
    ),
    (
        limit("play", 90, 15, DAY),
        "limits: play: 90m + 15m",
        {"key": "limits", "target": "play", "minutes": 105},
        "limits/play",
    ),
    (
        limit("internet", 600, 30, WEEK),
        "limits: internet: week: 10h + 30m",
        {"key": "limits", "target": "internet", "period": WEEK, "minutes": 630},
        "limits/internet",
    ),
    (
        limit("group:games", 0, 0, DAY),
        "limits: group:games: 0m",
        {"key": "limits", "target": "group:games", "minutes": 0},
        "limits/group:games",
    ),
    (
        rule_text.owned_rule(BAND, limit("category:ai_companions", 60, 60, DAY)),
        "band 10-12: limits: category:ai_companions: 1h + 1h",
        {"band": "10-12", "key": "limits", "target": "category:ai_companions", "minutes": 120},
        "limits/category:ai_companions",
    ),
    (
        rule_text.law_rule("au-under-16-social"),
        "law:au-under-16-social",
        {"key": "laws", "target": "law:au-under-16-social"},
        "laws/au-under-16-social",
    ),
    (
        rule_text.register_rule("law:kz", date(2026, 11, 24)),
        "law:kz since 2026-11-24",
        {"key": "laws", "target": "law:kz", "since": date(2026, 11, 24)},
        "laws/kz",
    ),
    (rule_text.register_rule("law:kz", None), "law:kz", {"key": "laws", "target": "law:kz"}, "laws/kz"),
    (
        rule_text.owned_rule(BAND, rule_text.CLOCK_UNSET_RULE),
        "band 10-12: clock_unset: strict",
        {"band": "10-12", "key": "clock_unset"},
        "clock_unset",
    ),
    (rule_text.band_rule("adult"), "band adult", {"band": "adult"}, ""),
    (rule_text.unknown_devices_rule("quarantine"), "unknown_devices: quarantine", {}, ""),
    (rule_text.opening_rule("example.org"), "opened for a while: example.org", {}, ""),
    (
        rule_text.opening_rule("category:games"),
        "opened for a while: category:games",
        {"target": "category:games"},
        "",
    ),
    (rule_text.repair_rule("example.org"), "site repair: example.org", {}, ""),
    (
        rule_text.companion_rule("messenger"),
        "companion of service:messenger",
        {"target": "service:messenger"},
        "",
    ),
    (rule_text.need_rule("updates", "apple.com"), "device needs: updates: apple.com", {}, ""),
    (rule_text.site_rule("bilimland.kz"), "approved site: bilimland.kz", {}, ""),
    (rule_text.signal_rule(BypassMethod.RELAY), "resolver signal: relay", {}, ""),
    (rule_text.fault_rule("bad_name"), "fault: bad_name", {}, ""),
    (rule_text.HELP_RULE, "help", {}, ""),
    (rule_text.FOR_EVERYONE_RULE, "refused for everyone", {}, ""),
    (rule_text.OFF_RULE, "off", {}, ""),
    (rule_text.PAUSE_RULE, "pause", {}, ""),
    (rule_text.OPEN_RULE, "nothing refuses it", {}, ""),
    (rule_text.LOCAL_RULE, "names of the home", {}, ""),
    (rule_text.NAMELESS_RULE, "no name", {}, ""),
    (rule_text.PROTOCOL_RULE, "foreign protocols", {}, ""),
    (rule_text.UNPROVEN_RULE, "open at this hour by its name alone", {}, ""),
]


@pytest.mark.parametrize(("written", "text", "parts", "setting"), WRITTEN)
def test_each_form_is_written_and_read_back(
    written: str, text: str, parts: dict[str, Any], setting: str
) -> None:
    assert written == text
    assert read_rule(text) == ReadRule(**parts)
    assert read_rule(text).setting == setting
    assert read_rule(SAMPLE_MARK + text) == read_rule(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", {}),
        ("frame 2", {}),
        ("allow-list", {}),
        ("band 10-12: ways", {"band": "10-12"}),
        ("ways: vpn", {"key": "ways", "target": "vpn"}),
        ("refuse: service:tiktok", {"target": "service:tiktok"}),
        ("category:gambling", {"key": "categories", "target": "category:gambling"}),
        (
            "band 10-12: category:gambling = refuse",
            {"band": "10-12", "key": "categories", "target": "category:gambling"},
        ),
        ("limits: service:youtube", {"key": "limits", "target": "service:youtube"}),
        ("limits: play: month: 10h", {"key": "limits", "target": "play"}),
        ("limits: play: some time", {"key": "limits", "target": "play"}),
        ("law:kz since long ago", {"key": "laws", "target": "law:kz"}),
    ],
)
def test_other_stored_texts_are_read_as_far_as_possible(text: str, parts: dict[str, Any]) -> None:
    assert read_rule(text) == ReadRule(**parts)


@pytest.mark.parametrize(
    ("text", "kind", "id_"),
    [
        ("limits: service:youtube: 1h", SERVICE, "youtube"),
        ("limits: service:youtube: 1h", CATEGORY, ""),
        ("band 10-12: category:games = block", CATEGORY, "games"),
        ("law:kz since 2026-11-24", LAW, "kz"),
        ("pause", SERVICE, ""),
    ],
)
def test_the_id_of_a_target_is_that_of_its_kind(text: str, kind: str, id_: str) -> None:
    assert read_rule(text).id_of(kind) == id_
