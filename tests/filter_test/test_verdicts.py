"""From what was seen to what is said: plan, verdicts, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from gateway.control.contract.filter_tests import ProbeDecision
from gateway.filter_test import report, run, zone
from gateway.filter_test.catalogue import CHECKS, CONTROLS
from gateway.filter_test.checks import CheckOutcome, MethodCheck, Result, Scene, Want
from gateway.filter_test.plan import Task, Unavailable, tasks
from gateway.filter_test.titles import check_titles
from gateway.filter_test.verdicts import concluded, judge, lost_controls, reason_of, through
from gateway.policy.config.config import MarkBits
from gateway.policy.language import ENGLISH
from gateway.policy.values import Proto, Reason, Verdict

WORDS: Mapping[str, Any] = {
    "refused": "bad.example",
    "odd": "bAd.eXaMpLe",
    "allowed": "good.example",
    "ech": "outer.example",
    "help": "help.example",
    "doh4": "8.8.8.8",
    "doh6": "2001:db8::8",
    "helpat4": "192.0.2.9",
    "helpat6": "2001:db8::9",
    "calling4": "192.0.2.8",
    "gateway4": "192.168.1.1",
    "gateway6": "fd00::1",
    "gatewaymac": "02:00:00:00:00:01",
    "pages": 8080,
    "service": 20001,
    "source4": "192.168.1.50",
    "source6": "fd00::50",
    "sourcemac": "02:00:00:00:00:50",
    "sourcelink": "eth0",
    "second4": "192.168.1.51",
    "stranger4": "192.168.1.52",
    "strangermac": "02:00:00:00:00:52",
    "strangerlink": "eth1",
    "listening": [25],
}
SCENE = Scene(
    "daughter",
    "Daughter",
    "10-12",
    strict=False,
    refusals=frozenset({"ways:vpn"}),
    words=WORDS,
    strangers_refused=True,
)
Tried = tuple[Task, Mapping[str, Any], list[dict[str, object]]]
PLAIN = {"probe": "stream", "to": "@far", "port": 22, "send": "00"}
WAY = MethodCheck("wireguard", PLAIN, "ways: {vpn: block}", "way:vpn")
ANSWERED = {"how": "answered"}


def task(check: MethodCheck, version: int = 4, scene: Scene = SCENE) -> Task:
    return next(item for item in tasks([check], scene) if item.version == version)


def arrived(one: Task, **other: object) -> list[dict[str, object]]:
    assert not isinstance(one.job, Unavailable)
    return [{"transport": "tcp", "to": one.job["to"], "port": one.job["port"], "head": "00", **other}]


# ---------------------------------------------------------------- plan


def test_every_check_is_planned_or_says_what_it_lacks() -> None:
    planned = {item.key: item.job for item in tasks([*CONTROLS, *CHECKS], SCENE)}
    assert len(planned) == 2 * (len(CHECKS) + len(CONTROLS))
    lacking = {
        key: job.why for key, job in planned.items() if isinstance(job, Unavailable) and not job.absent
    }
    assert set(lacking) == {"tor/4", "tor/6", "other-address/6", "stranger/6", "wifi-calling/6"}
    assert all(why for why in lacking.values())
    for job in planned.values():
        assert isinstance(job, Unavailable) or "@" not in str(
            {key: one for key, one in job.items() if key != "send"}
        )


def test_each_check_calls_an_address_of_its_own() -> None:
    jobs = [item.job for item in tasks(CHECKS, SCENE) if item.check.job["to"] == "@far"]
    called = [item["to"] for item in jobs if not isinstance(item, Unavailable)]
    assert len(set(called)) == len(called) > 80


def test_a_trusted_name_is_tried_where_there_is_one() -> None:
    checks = [check for check in CHECKS if check.id.startswith("trusted-")]
    assert len(checks) == 2
    assert all(item.job == Unavailable("", absent=True) for item in tasks(checks, SCENE))
    named = {**WORDS, "trusted": "home.example", "own4": "192.0.0.8", "own6": "fd71::80"}
    for item in tasks(checks, replace(SCENE, words=named)):
        if item.check.id == "trusted-name":
            assert not isinstance(item.job, Unavailable)
            assert (item.job["name"], item.job["ours"]) == ("home.example", named[f"own{item.version}"])
        else:
            assert item.job == Unavailable("the pages do not run; start them: qalqan web")


def test_words_are_filled_in_inside_of_a_text() -> None:
    job = {"probe": "request", "to": "@at:allowed", "port": 80, "text": "Host: @refused"}
    filled = task(MethodCheck("x", job, "")).job
    assert not isinstance(filled, Unavailable)
    assert bytes.fromhex(filled["send"]) == b"Host: bad.example"
    assert filled["to"] == zone.address_of("good.example", 4)


def test_without_ipv6_there_is_nothing_to_tell_of_it() -> None:
    bare = {key: one for key, one in WORDS.items() if not key.endswith("6")}
    job = task(WAY, 6, replace(SCENE, words=bare)).job
    assert job == Unavailable("", absent=True)


# ---------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("observed", "there", "found"),
    [
        (ANSWERED, True, CheckOutcome.OPEN),
        (ANSWERED, False, CheckOutcome.CLOSED),  # another device answered
        ({"how": "silence"}, True, CheckOutcome.CLOSED),  # it arrived, and no answer came back
        ({"how": "reset"}, False, CheckOutcome.CLOSED),
    ],
)
def test_a_way_is_open_where_it_arrived_and_was_answered(
    observed: Mapping[str, Any], there: bool, found: CheckOutcome
) -> None:
    one = task(WAY)
    result = judge(one, observed, arrived(one) if there else [], SCENE, {})
    assert (result.found, result.fault) == (found, found is CheckOutcome.OPEN)


def test_what_the_control_lacks_is_unknown() -> None:
    one = task(WAY)
    result = judge(one, ANSWERED, arrived(one), SCENE, {"tls": "nothing came"})
    assert (result.found, result.why, result.fault) == (CheckOutcome.UNKNOWN, "nothing came", False)
    assert judge(one, None, [], SCENE, {}).found is CheckOutcome.UNKNOWN


def test_what_arrived_elsewhere_is_not_this_ones() -> None:
    one = task(WAY)
    assert not isinstance(one.job, Unavailable)
    for other in ({"to": "192.0.2.1"}, {"port": 23}, {"transport": "udp"}):
        assert not through(WAY, one.job, ANSWERED, arrived(one, **other))


@pytest.mark.parametrize(
    ("rule", "scene", "meant"),
    [
        ("way:vpn", SCENE, False), ("way:ssh", SCENE, True), ("always", SCENE, False),
        ("strict", SCENE, True), ("strict", replace(SCENE, strict=True), False),
        ("safe_search", SCENE, True),
        ("safe_search", replace(SCENE, refusals=frozenset({"safe_search"})), False),
        ("name:a.example", replace(SCENE, names={"a.example": True}), False),
        ("name:a.example", replace(SCENE, names={"a.example": False}), True),
        ("name:a.example", SCENE, False), ("stranger", SCENE, False),
        ("door", SCENE, False), ("door", replace(SCENE, gateway_open=True), True),
        ("door", replace(SCENE, gateway_ports=frozenset({22})), True),
    ],
)  # fmt: skip
def test_open_is_a_hole_or_as_the_family_has_it(rule: str, scene: Scene, meant: bool) -> None:
    check = replace(WAY, rule=rule)
    result = concluded(check, 4, scene, worked=True, how="answered", job={"port": 22})
    assert (result.found, result.meant, result.fault) == (CheckOutcome.OPEN, meant, not meant)
    assert not concluded(check, 4, scene, worked=False, how="reset", job={"port": 22}).fault


def test_what_has_to_pass_and_does_not_is_a_fault() -> None:
    must = replace(WAY, passes=True, rule="always", closes="")
    assert concluded(must, 4, SCENE, worked=False, how="reset").fault
    assert not concluded(must, 4, SCENE, worked=True, how="answered").fault


@pytest.mark.parametrize(
    ("want", "observed", "worked"),
    [
        (Want.ADDRESS, {"addresses": ["192.0.2.1"]}, True),
        (Want.ADDRESS, {"addresses": ["0.0.0.0"]}, False),
        (Want.ADDRESS, {"addresses": []}, False),
        (Want.ADDRESS, {"addresses": ["192.0.0.8"]}, False),
        (Want.OURS, {"addresses": ["192.0.0.8"]}, True),
        (Want.OURS, {"addresses": ["192.0.2.1"]}, False),
        (Want.OURS, {"addresses": []}, False),
        (Want.RECORDS, {"rcode": 0, "records": 1}, True),
        (Want.RECORDS, {"rcode": 3, "records": 0}, False),
        (Want.ECH, {"keys": [1, 5]}, True),
        (Want.ECH, {"keys": [1]}, False),
        (Want.WAYS, {"keys": [7]}, True),
        (Want.WAYS, {"keys": [1], "dns_alpn": True}, True),
        (Want.WAYS, {"keys": [1], "dns_alpn": False}, False),
        (Want.UNSAFE, {"marker": True, "alias": False}, True),
        (Want.UNSAFE, {"marker": False, "alias": True}, False),
        (Want.SHOWN, {"status": 200}, True),
        (Want.SHOWN, {"status": 302}, False),
        (Want.ANSWERED, {"status": 302}, True),
        (Want.TAKEN, {}, True),
    ],
)
def test_what_a_way_wants(want: Want, observed: Mapping[str, Any], worked: bool) -> None:
    check = replace(WAY, want=want)
    job = {"ours": "192.0.0.8"}
    assert through(check, job, {**ANSWERED, **observed}, []) is worked
    assert not through(check, job, {"how": "silence", **observed}, [])


def test_controls_that_fail_say_why() -> None:
    dns, tls = CONTROLS
    tried: list[Tried] = [(item, {"how": "silence"}, []) for item in tasks([tls], SCENE)]
    good: list[Tried] = [(item, {**ANSWERED, "addresses": ["192.0.2.1"]}, []) for item in tasks([dns], SCENE)]
    lost = lost_controls([*tried, *good], SCENE)
    assert set(lost[4]) == set(lost[6]) == {"tls"}
    assert "another firewall" in lost[4]["tls"]
    silent: list[Tried] = [(item, {"how": "silence"}, []) for item in tasks([dns], SCENE)]
    # A strict device may call no name that it could not ask for.
    assert set(lost_controls(silent, replace(SCENE, strict=True))[4]) == {"dns", "tls"}


def test_a_check_without_its_control_gives_the_control_s_reason_even_if_it_was_not_tried() -> None:
    lost = {"tls": "a page did not come"}
    for result in (None, {"how": "silence"}):
        found = judge(task(WAY), result, [], SCENE, lost)
        assert (found.found, found.why) == (CheckOutcome.UNKNOWN, lost["tls"])
    assert judge(task(WAY), None, [], SCENE, {"dns": "no answer"}).why == "it was not tried"


class InAPause:
    """The stage and the rules of a trial: downloads that end when the pause begins."""

    def __init__(self) -> None:
        self.device_process = self.sink = self
        self.tried: list[str] = []
        self.paused = False

    def ask(self, _what: str, jobs: Sequence[Mapping[str, Any]] = (), within: float = 0.0) -> Any:
        self.tried += [job["key"] for job in jobs]
        download = {"received": 1, "over": "end" if self.paused else "", "silent": 0.0}
        return {"downloads": dict.fromkeys(self.tried, download), "results": {}, "seen": []}

    def pause(self, *, paused: bool) -> None:
        self.paused = paused


def test_in_a_pause_only_checks_without_their_own_control_are_left_out() -> None:
    download = next(check for check in CHECKS if check.id == "download")
    every = tasks([download], SCENE)
    for lost, tried in (({"dns": "no answer"}, ["download/4", "download/6"]), ({"tls": "no page"}, [])):
        stage = InAPause()
        trial = run.Trial(cast(Any, stage), cast(Any, stage), SCENE, MarkBits())
        assert list(trial._in_a_pause(every, {4: lost, 6: lost})) == tried


def decision(dst: str, dport: int, host: str | None, reason: Reason) -> ProbeDecision:
    return ProbeDecision(Proto.TCP, host, dst, dport, Verdict.BLOCK, reason, None)


def test_the_daemons_word_is_the_latest_about_this_address() -> None:
    decided = [
        decision("198.19.4.0", 22, None, Reason.OPEN),
        decision("198.19.4.0", 22, None, Reason.SSH),
        decision("198.19.4.0", 53, "a.example", Reason.CATEGORY),
    ]
    assert reason_of({"probe": "stream", "to": "198.19.4.0", "port": 22}, decided) == "ssh"
    assert (
        reason_of({"probe": "dns", "to": "198.19.4.0", "port": 53, "name": "A.example"}, decided)
        == "category"
    )
    assert reason_of({"probe": "stream", "to": "198.19.4.1", "port": 22}, decided) == ""


# ---------------------------------------------------------------- report


def results(*founds: tuple[CheckOutcome, bool], check: MethodCheck = WAY) -> list[Result]:
    return [
        Result(check, version, found, meant=meant)
        for version, (found, meant) in zip((4, 6), founds, strict=True)
    ]


def lines(some: list[Result], scene: Scene = SCENE) -> list[str]:
    return list(report.table(scene, some, ["A remark that is said first."]))


def test_a_table_fits_eighty_columns_whatever_is_in_it() -> None:
    some = [
        Result(check, version, CheckOutcome.UNKNOWN, "word " * 40) for check in CHECKS for version in (4, 6)
    ]
    table = lines(some, replace(SCENE, name="N" * 70))
    assert max(map(len, table)) <= 80
    assert sum("unknown" in line for line in table) == len(CHECKS) + 1


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_no_title_is_cut(check: MethodCheck) -> None:
    table = lines(results((CheckOutcome.CLOSED, True), (CheckOutcome.CLOSED, True), check=check))
    shown = [line[:60].strip() for line in table if line.startswith("  ")]
    assert " ".join(shown) == check_titles(ENGLISH)[check.id]


def test_a_long_title_continues_on_the_next_line() -> None:
    check = next(check for check in CHECKS if check.id == "fronting-http")
    table = lines(results((CheckOutcome.UNKNOWN, True), (CheckOutcome.OPEN, False), check=check))
    at = next(number for number, line in enumerate(table) if line.startswith("  An allowed name"))
    assert table[at : at + 2] == [
        "  An allowed name at an address that is not its own, over     unknown   allowed!",
        "    HTTP",
    ]


def test_what_is_open_names_the_setting_that_closes_it() -> None:
    table = lines(results((CheckOutcome.OPEN, True), (CheckOutcome.CLOSED, True)))
    at = next(number for number, line in enumerate(table) if line.startswith("  WireGuard"))
    assert table[at].split() == ["WireGuard", "allowed", "blocked"]
    assert table[at + 1] == "      allowed by this family's rules; to block it: ways: {vpn: block}"


def test_a_hole_is_marked_and_said_to_be_one() -> None:
    table = lines(results((CheckOutcome.OPEN, False), (CheckOutcome.CLOSED, True)))
    assert any("allowed!" in line for line in table)
    assert "      ways: {vpn: block} is set, but it is allowed: a fault; run: qalqan check" in table


def test_what_has_to_pass_is_shown_in_its_own_words() -> None:
    must = replace(WAY, passes=True, closes="", rule="always")
    table = lines(results((CheckOutcome.OPEN, True), (CheckOutcome.CLOSED, False), check=must))
    assert any("allowed" in line and "blocked!" in line for line in table)
    shown: Any = report.as_json(
        SCENE, results((CheckOutcome.OPEN, True), (CheckOutcome.CLOSED, False), check=must), []
    )
    (one,) = shown["checks"]
    assert (one["ipv4"]["found"], one["ipv6"]["found"], one["ipv6"]["fault"]) == ("passes", "refused", True)


def test_the_last_line_counts() -> None:
    some = results((CheckOutcome.OPEN, True), (CheckOutcome.CLOSED, True))
    assert report.summary(some) == (
        "1 checks: 1 blocked, 1 allowed, of them 1 by the rules, 0 pass as they should, 0 unknown, 0 faults"
    )


def test_the_headline_says_what_was_tested_and_what_was_not() -> None:
    closed = results((CheckOutcome.CLOSED, True), (CheckOutcome.ABSENT, True))
    unknown = results(
        (CheckOutcome.UNKNOWN, True), (CheckOutcome.UNKNOWN, True), check=replace(WAY, id="not-tested")
    )
    opened = results((CheckOutcome.OPEN, True), (CheckOutcome.CLOSED, True), check=replace(WAY, id="is-open"))
    other = results((CheckOutcome.CLOSED, True), (CheckOutcome.CLOSED, True), check=replace(WAY, id="other"))
    assert report.headline([*closed, *other]) == "All 2 that could be tested are blocked."
    assert report.headline(closed) == "1 of 1 that could be tested is blocked."
    assert report.headline([*closed, *unknown]) == (
        "1 of 1 that could be tested is blocked; 1 could not be tested."
    )
    assert report.headline([*closed, *opened, *unknown]) == (
        "1 of 2 that could be tested are blocked; 1 could not be tested."
    )
    assert report.headline(unknown) == "No bypass method could be tested."
