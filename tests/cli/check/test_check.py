"""`check` finds what is wrong, one line each, and says how to fix it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.check import system as check_system
from gateway.check.findings import Severity, note, ok, problem, warning
from gateway.check.rulesets import (
    ALL_BITS,
    LoadedRulesets,
    MarkType,
    iptables_uses,
    nft_uses,
    parsed,
    rule_findings,
)
from gateway.policy.config.config import Config
from tests.cli.conftest import Heard, Qalqan
from tests.control.running import running
from tests.entering import let_others_in

BUILT = ("lists", "build")


def lines(qalqan: Qalqan, config: Path) -> list[str]:
    return qalqan("check", "--config", config).out.splitlines()


def problems(qalqan: Qalqan, config: Path, about: str) -> list[str]:
    found = lines(qalqan, config)
    return [line for line in found if line.startswith((f"error {about}: ", f"warning {about}: "))]


def test_a_good_home_has_a_line_for_everything(qalqan: Qalqan, config: Path) -> None:
    found = lines(qalqan, config)
    for about in ("product", "config", "profile", "state", "lists", "time", "lan", "pages", "marks", "nft"):
        assert any(line.split(":")[0].endswith(f" {about}") for line in found), about
    assert all(line.startswith(("ok ", "note ", "warning ", "error ")) for line in found)
    assert "ok lan: lo is there" in found
    assert "ok profile: daughter: band 10-12, 1 devices" in found
    assert any("Asia/Almaty" in line for line in found)


def test_a_problem_is_exit_status_one_and_names_the_fix(qalqan: Qalqan, config: Path) -> None:
    config.write_text(config.read_text().replace("[lo]", "[lo, br-none]"))
    done = qalqan("check", "--config", config)
    assert done.status == 1
    assert done.err == ""
    wanted = "error lan: there is no interface br-none: look it up with: ip link; fix `lan`"
    assert wanted in done.out.splitlines()


@pytest.mark.parametrize(
    ("value", "said"), [("0", "the counters are off"), ("1", "counts each"), (None, "no connection")]
)
def test_whether_connections_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, said: str
) -> None:
    monkeypatch.setattr(check_system, "PROC", tmp_path)
    if value is not None:
        (tmp_path / "sys/net/netfilter").mkdir(parents=True)
        (tmp_path / "sys/net/netfilter/nf_conntrack_acct").write_text(f"{value}\n")
    (finding,) = check_system.accounting()
    assert finding.ok, "the daemon switches it on, so nobody has to"
    assert said in str(finding)


def test_a_state_directory_that_cannot_be(qalqan: Qalqan, config: Path) -> None:
    usual = f"state: {config.parent}/state"
    config.write_text(config.read_text().replace(usual, f"state: {config}/state"))
    assert problems(qalqan, config, "state") == [
        f"error state: {config} is not a directory: fix `state` in qalqan.yaml"
    ]
    config.write_text(config.read_text().replace(f"state: {config}/state", "state: /proc/qalqan"))
    assert problems(qalqan, config, "state") == [
        "error state: /proc is not writable: fix `state` in qalqan.yaml"
    ]


def test_as_json(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("check", "--json", "--config", config)
    answer = json.loads(done.out)
    assert answer["ok"] is (done.status == 0)
    assert set(answer) == {"ok", "notes", "warnings", "errors", "findings"}
    assert set(answer["findings"][0]) == {"level", "ok", "about", "text", "fix", "code", "values"}
    levels = [finding["level"] for finding in answer["findings"]]
    for level in ("note", "warning", "error"):
        assert answer[f"{level}s"] == levels.count(level)
    assert done.status == (1 if "error" in levels else 0)


def test_every_broken_file_is_reported(qalqan: Qalqan, config: Path) -> None:
    profiles = config.parent / "profiles"
    (profiles / "son.yaml").write_text("band: 99\n")
    (profiles / "third.yaml").write_text("{{{\n")
    found = problems(qalqan, config, "profile")
    assert len(found) == 2
    assert "son.yaml:1: band" in found[0]


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("age_trust: {file: /srv/trust, key: x}", "age_trust.key: 'x' is no public key: write 32 bytes"),
        ("propose: {bands: [x]}", "propose.bands[1]: 'x' is not known here: use one of: 0-5"),
    ],
)
def test_a_setting_that_filtering_does_not_need_stops_no_check(
    qalqan: Qalqan, config: Path, setting: str, problem: str
) -> None:
    before = config.read_text()
    others = [line for line in lines(qalqan, config) if line.startswith(("ok profile: ", "ok lan: "))]
    config.write_text(f"{before.rstrip()}\n{setting}\n")
    done = qalqan("check", "--config", config)
    assert done.status == 1
    found = done.out.splitlines()
    (line,) = [line for line in found if " config: " in line]
    assert line.startswith(f"error config: {config}:")
    assert problem in line
    assert line.endswith("Until then its default applies.")
    assert others
    assert set(others) <= set(found)


def test_a_broken_configuration_leaves_the_rest_to_be_reported(qalqan: Qalqan, config: Path) -> None:
    config.write_text("timezone: Mars/Base\n")
    found = lines(qalqan, config)
    assert any(line.startswith("error config: ") and "Mars/Base" in line for line in found)
    assert any(line.startswith("ok product: ") for line in found)
    assert any(" queue: " in line for line in found)
    assert "does not exist" in problems(qalqan, config.with_name("none.yaml"), "config")[0]


def test_the_whole_table_is_read(qalqan: Qalqan, config: Path) -> None:
    qalqan(*BUILT, "--config", config)
    assert any(line.startswith("ok lists: ") and "built" in line for line in lines(qalqan, config))
    table = config.parent / "state" / "categories.table"
    whole = table.read_bytes()
    for damaged in (whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:], whole[:-9], b""):
        table.write_bytes(damaged)
        assert problems(qalqan, config, "lists")[0].endswith("qalqan lists build")


def test_an_old_copy_and_a_failed_one_are_problems(qalqan: Qalqan, config: Path) -> None:
    shelf = config.parent / "state" / "lists"
    shelf.mkdir(parents=True)
    book = {"old": {"fetched": "2020-01-01T00:00:00+00:00"}, "bad": {"fetched": None, "error": "bad: 404"}}
    (shelf / "sources.json").write_text(json.dumps(book))
    found = problems(qalqan, config, "lists")
    assert len(found) == 2
    assert "bad: 404" in found[0]
    assert "days old" in found[1]


def book(config: Path, **ages: float) -> None:
    """Lists that were fetched so many days ago."""
    shelf = config.parent / "state" / "lists"
    shelf.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    rows = {key: {"fetched": (now - timedelta(days=days)).isoformat()} for key, days in ages.items()}
    (shelf / "sources.json").write_text(json.dumps(rows))


def test_a_child_without_lists_is_a_warning(qalqan: Qalqan, config: Path) -> None:
    assert problems(qalqan, config, "lists") == [
        "warning lists: none was downloaded yet: most sites of blocked categories are open: "
        "run: qalqan lists update; if it fails, see: qalqan lists status"
    ]
    book(config, mine=6.9, other=3)
    assert problems(qalqan, config, "lists") == []
    for path in (config.parent / "profiles").iterdir():
        path.unlink()
    (config.parent / "state" / "lists" / "sources.json").unlink()
    assert problems(qalqan, config, "lists") == [], "no child, no need"


def test_lists_older_than_a_week_are_one_warning(qalqan: Qalqan, config: Path) -> None:
    book(config, mine=9, other=8.1)
    (found,) = problems(qalqan, config, "lists")
    assert found.startswith("warning lists: the newest is 8 days old: run: qalqan lists update")
    book(config, mine=9, other=1)
    (found,) = problems(qalqan, config, "lists")
    assert found == "warning lists: mine is 9 days old: run: qalqan lists update"


def test_where_updates_are_off_the_warning_says_how_to_switch_them_on(qalqan: Qalqan, config: Path) -> None:
    config.write_text(config.read_text() + "lists: {update: off}\n")
    (found,) = problems(qalqan, config, "lists")
    assert found.endswith("run: qalqan lists update, or set lists: {update: daily} in qalqan.yaml")


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ('{listen: "8.8.8.8:8080"}', "may be reachable from the internet"),
        ('{listen: "0.0.0.0:8080"}', "may be reachable from the internet"),
        ('{listen: "192.0.2.77:8080", allow_wan: true}', "192.0.2.77 is not an address of this machine"),
    ],
)
def test_the_pages_address(qalqan: Qalqan, config: Path, web: str, said: str) -> None:
    config.write_text(config.read_text() + f"web: {web}\n")
    assert said in problems(qalqan, config, "pages")[0]


def test_a_good_pages_address(qalqan: Qalqan, config: Path) -> None:
    config.write_text(config.read_text() + 'web: {listen: "127.0.0.1:8080"}\n')
    assert "ok pages: at 127.0.0.1:8080" in lines(qalqan, config)


_AS_NOBODY = """
import os, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
from gateway.cli.main import main
sys.exit(main(["check", "--config", sys.argv[1]]))
"""


@pytest.mark.needs("root")  # to give it up
@pytest.mark.parametrize("profiles", [0o755, 0o700])
def test_what_is_roots_alone_is_no_error_for_others(
    qalqan: Qalqan, config: Path, tmp_path: Path, profiles: int
) -> None:
    """The daemon keeps its folder for itself."""
    qalqan(*BUILT, "--config", config)
    let_others_in(tmp_path)
    (tmp_path / "state").chmod(0o750)
    (tmp_path / "profiles").chmod(profiles)
    done = subprocess.run([sys.executable, "-c", _AS_NOBODY, config], capture_output=True, text=True)
    assert done.stderr == ""
    found = done.stdout.splitlines()
    assert f"note lists: {tmp_path}/state/categories.table cannot be read without root" in found
    hidden = f"note profiles: {tmp_path}/profiles cannot be read without root" in found
    assert hidden is (profiles == 0o700)
    assert any(line.startswith("ok profile: daughter") for line in found) is not hidden
    for about in ("offload", "marks", "queue"):
        assert any(line.startswith(f"note {about}: ") and "without root" in line for line in found), about
    assert not [line for line in found if line.startswith("error") and " queue: " not in line]


@pytest.mark.needs("root")  # to give it up
@pytest.mark.parametrize("ending", ["yaml", "yml"])
def test_a_profile_that_is_roots_alone_is_no_error_for_others(
    config: Path, tmp_path: Path, ending: str
) -> None:
    let_others_in(tmp_path)
    profile = (tmp_path / "profiles" / "daughter.yaml").rename(tmp_path / "profiles" / f"daughter.{ending}")
    profile.chmod(0o600)
    done = subprocess.run([sys.executable, "-c", _AS_NOBODY, config], capture_output=True, text=True)
    assert done.stderr == ""
    assert f"note profiles: {profile} cannot be read without root" in done.stdout.splitlines()


@pytest.mark.needs("root")  # to give it up
def test_without_root_it_says_what_can_be_seen(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    let_others_in(tmp_path)
    os.seteuid(65534)
    try:
        found = lines(qalqan, config)
    finally:
        os.seteuid(0)
    assert "note marks: rules of other programs cannot be read without root" in found
    assert not [line for line in found if line.startswith("error") and "permission" in line.lower()]


def test_it_takes_less_than_two_seconds(qalqan: Qalqan, config: Path) -> None:
    """Of the processor, with a table to read: what waits for other programs here is not counted."""
    qalqan(*BUILT, "--config", config)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    check = [sys.executable, "-m", "gateway", "check", "--config", str(config)]
    done = subprocess.run(check, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr == ""
    assert any(line.startswith("ok profile: daughter") for line in done.stdout.splitlines()), (
        "it was all read"
    )
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.0


def test_a_finding_in_one_line() -> None:
    assert (
        str(problem("lan", "it is gone", "bring it back", code="x")) == "error lan: it is gone: bring it back"
    )
    assert (
        str(warning("lan", "it is off", "switch it on", code="x")) == "warning lan: it is off: switch it on"
    )
    assert str(note("lan", "it is new", code="x")) == "note lan: it is new"
    assert str(ok("lan", "it is there")) == "ok lan: it is there"
    findings = [
        ok("a", ""),
        note("a", "", code="x"),
        warning("a", "", "", code="x"),
        problem("a", "", "", code="x"),
    ]
    assert [finding.ok for finding in findings] == [True, True, False, False]


# ---------------------------------------------------------------- marks of others

META = {"meta": {"key": "mark"}}
CT = {"ct": {"key": "mark"}}
PACKET, CONNECTION = MarkType.PACKET, MarkType.CONNECTION


def used(*expression: object, table: str = "other", chain: str = "c") -> list[tuple[MarkType, int]]:
    rule = {"rule": {"family": "inet", "table": table, "chain": chain, "expr": list(expression)}}
    return [
        (mark, bits)
        for _, mark, bits in nft_uses(parsed(json.dumps({"nftables": [{"metainfo": {}}, rule]})) or ())
    ]


def sets(key: object, value: object) -> dict[str, object]:
    return {"mangle": {"key": key, "value": value}}


def compares(left: object, right: object = 1) -> dict[str, object]:
    return {"match": {"op": "==", "left": left, "right": right}}


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (sets(META, 1), [(PACKET, ALL_BITS)]),
        (sets(META, {"|": [{"&": [META, 0xFFFF00FF]}, 0x100]}), [(PACKET, 0xFF00)]),
        (sets(META, {"|": [META, 0x4]}), [(PACKET, 0x4)]),
        (sets(META, {"^": [META, 0x8]}), [(PACKET, 0x8)]),
        (
            sets(META, {"|": [{"&": [META, 0xFFFFFF00]}, {"&": [CT, 0xFF]}]}),
            [(PACKET, 0xFF), (CONNECTION, 0xFF)],
        ),
        (sets(CT, META), [(CONNECTION, ALL_BITS), (PACKET, ALL_BITS)]),
        (sets(META, {"&": [CT, 0x3F00]}), [(PACKET, ALL_BITS), (CONNECTION, 0x3F00)]),
        (compares(CT), [(CONNECTION, ALL_BITS)]),
        (compares({"&": [META, 0x3F00]}), [(PACKET, 0x3F00)]),
        (compares({"payload": {"protocol": "tcp", "field": "dport"}}), []),
        ({"vmap": {"key": META, "data": {"set": []}}}, [(PACKET, ALL_BITS)]),
    ],
)
def test_bits_that_nft_rules_use(expression: object, wanted: list[tuple[MarkType, int]]) -> None:
    assert used(expression) == wanted


def test_our_own_rules_are_not_others() -> None:
    assert used(sets(META, 1), table="qalqan") == []


@pytest.mark.parametrize(
    "listed", [None, "", "no JSON", "{}", "[]", '{"nftables": 7}', "[" * 9999], ids=lambda text: str(text)[:9]
)
def test_what_nft_says_otherwise_is_not_taken_for_no_rules(listed: str | None) -> None:
    assert parsed(listed) is None


@pytest.mark.parametrize("rule", [{}, {"expr": None}, {"expr": [None, "x", {"xt": None}, {"queue": None}]}])
def test_odd_rules_are_passed_over(rule: dict[str, object]) -> None:
    listed = parsed(json.dumps({"nftables": [{"rule": {"family": "ip", "table": "t", **rule}}, "x", {}]}))
    assert listed is not None
    assert list(nft_uses(listed)) == []
    found = [*rule_findings(Config(), LoadedRulesets(listed, "", {}))]
    assert [finding.about for finding in found if finding.level is not Severity.OK] == []


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("-j MARK --set-xmark 0x100/0x3f00", [(PACKET, 0x3F00)]),
        ("-j MARK --set-xmark 0x1/0xffffffff", [(PACKET, ALL_BITS)]),
        ("-j MARK --or-mark 0x40", [(PACKET, 0x40)]),
        ("-m mark --mark 0x1/0xff -j ACCEPT", [(PACKET, 0xFF)]),
        ("-m mark --mark 0x1 -j ACCEPT", [(PACKET, ALL_BITS)]),
        ("-m mark ! --mark 0x0/0x3f00 -j RETURN", [(PACKET, 0x3F00)]),
        ("-m connmark --mark 0x10000/0xff0000 -j ACCEPT", [(CONNECTION, 0xFF0000)]),
        ("-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", [(PACKET, 0xFF), (CONNECTION, 0xFF)]),
        ("-j CONNMARK --save-mark", [(PACKET, ALL_BITS), (CONNECTION, ALL_BITS)]),
        ("-p tcp -j ACCEPT", []),
        ("-j QALQAN_FORWARD", []),
    ],
)
def test_bits_that_iptables_rules_use(rule: str, wanted: list[tuple[MarkType, int]]) -> None:
    saved = f"# by\n*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD {rule}\nCOMMIT\n"
    found = list(iptables_uses("ip6tables-save", saved))
    assert [(mark, bits) for _, mark, bits in found] == wanted
    assert {table for table, _, _ in found} <= {"ip6tables, table mangle"}


@pytest.mark.parametrize(
    ("country", "wanted"),
    [
        ("kz", ""),
        ("uk", "there is no file for uk: no public holidays; known: au, eu, gb"),
        ("", "none is set"),
    ],
)
def test_a_country_without_a_file_is_reported(
    qalqan: Qalqan, config: Path, country: str, wanted: str
) -> None:
    kept = [line for line in config.read_text().splitlines() if not line.startswith("country:")]
    config.write_text("\n".join([*kept, f"country: {country}" if country else ""]))
    found = [line for line in lines(qalqan, config) if line.startswith("note country: ")]
    assert bool(found) is bool(wanted)
    assert all(wanted in line for line in found)


def test_a_profile_in_old_words_is_a_warning(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    file = tmp_path / "profiles" / "daughter.yaml"
    file.write_text("name: Daughter\nband: 10-12\ncategories: {games: refuse, messaging: open}\n")
    found = lines(qalqan, config)
    assert "ok profile: daughter: band 10-12, 0 devices" in found
    assert problems(qalqan, config, "profile") == [
        f'warning profile: {file}:3: categories.games: "refuse" is the old word for "block": '
        "the next change on the pages writes the new one"
    ]


def device(number: int, **values: object) -> dict[str, object]:
    mac = f"02:00:00:00:00:{number:02x}"
    kept = {"mac": mac, "name": "", "sightings": "moment", "profile": "home", "kind": "tv", "undecided": True}
    return {**kept, **values}


def test_devices_that_no_parent_has_chosen_for_are_named(qalqan: Qalqan, config: Path) -> None:
    rows = [
        device(1, name="TV\x1b[2J"),
        device(2),
        device(3, name="Printer", kind="thing"),
        device(4, name="Chosen", undecided=False),
        device(5, name="Guest's", profile="guest"),
    ]
    with running(config.parent / "control.sock", Heard(devices={"devices": rows}).verbs()):
        (line,) = problems(qalqan, config, "devices")
    named = "TV?[2J (02:00:00:00:00:01), 02:00:00:00:00:02"
    assert line.startswith(f"warning devices: not filtered until a parent says who uses them: {named}: ")
    assert line.endswith("qalqan device assign MAC PROFILE (home: it stays unfiltered)")


def test_of_many_such_devices_ten_are_named(qalqan: Qalqan, config: Path) -> None:
    rows = [device(number, name=f"TV {number}") for number in range(1, 14)]
    with running(config.parent / "control.sock", Heard(devices={"devices": rows}).verbs()):
        (line,) = problems(qalqan, config, "devices")
    assert "TV 10 (02:00:00:00:00:0a) and 3 more" in line
    assert "TV 11" not in line


@pytest.mark.parametrize("answer", [{"devices": [device(1, kind="thing")]}, "not now"])
def test_without_such_a_device_or_an_answer_there_is_no_line(
    qalqan: Qalqan, config: Path, answer: dict[str, object] | str
) -> None:
    with running(config.parent / "control.sock", Heard(devices=answer).verbs()):
        assert problems(qalqan, config, "devices") == []
    assert problems(qalqan, config, "devices") == [], "no daemon"
