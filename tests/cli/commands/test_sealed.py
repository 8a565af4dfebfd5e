"""`qalqan sealed`: an issuer's list, this household's lists, and the forms that a provider must keep."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.check.lists import sealed_findings
from gateway.cli.commands.sealed import innocent_names
from gateway.cli.settings import read_config
from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.sealed.sealed_set import parse_set
from tests import captures
from tests.cli.conftest import Qalqan
from tests.control.running import running
from tests.entering import let_others_in
from tests.wire.flow_forge import udp_packet

SECRET = "sealed-marker.invalid"
NAMES = f"# of the tests\n{SECRET}\n\nWWW.Deep.Other-Marker.invalid.  # a note\n{SECRET}\n"

APPEALS = """
country: kz
appeals:
  - {id: one, received: 2026-11-02, first: {answered: 2026-11-05, outcome: taken_away}}
  - {id: two, received: 2026-11-20}
  - {id: before, received: 2025-11-20, first: {answered: 2025-11-21, outcome: stays}}
"""
RECORD = {
    "name": {"en": "A hotline"},
    **{
        key: f"https://hotline.example/{key}"
        for key in ("report", "contest", "deterrence", "image_removal", "help_line", "source")
    },
    "first_days": 5,
    "second_days": 5,
    "verified_on": "2026-11-01",
    "by": "A. Person",
}
REPORT = {
    "provider": "A provider", "from": "2026-01-01", "until": "2026-12-31", "maker": "A hotline",
    "licence": "for gateways of customers", "since": "2026-01-01", "whole_domains": True, "sets_made": 400,
    "longest_gap_hours": 14, "gateways_expired": 0, "names_at_begin": 100, "names_added": 30,
    "names_taken": 10, "refusals": 7, "orders": "none", "leaks": "none", "outside": "nobody yet",
}  # fmt: skip


class Issuer:
    def __init__(self, qalqan: Qalqan, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._qalqan, self._monkeypatch = qalqan, monkeypatch
        self.folder = folder / "isp"
        self.folder.mkdir(mode=0o700)
        made = qalqan("sealed", "key", self.folder / "issuer.pem")
        self.public = made.out.strip()
        self.config = folder / "qalqan.yaml"
        source = {
            "file": str(self.folder / "a.set"),
            "issuer_key": self.public,
            "set_key_file": str(self.folder / "a.key"),
        }
        settings = {"lan": ["lo"], "state": str(folder / "state"), "runtime": str(folder), "sealed": [source]}
        self.config.write_text(yaml.safe_dump({**settings, "profiles": str(folder / "profiles")}))
        (folder / "profiles").mkdir()

    def make(self, names: str = NAMES, **words: object) -> Any:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(names))
        values = {"issuer": "Test hotline", "scope": "the tests", "days": 7, **words}
        options = [word for key, value in values.items() for word in (f"--{key}", value)]
        files = ["--set", self.folder / "a.set", "--set-key", self.folder / "a.key"]
        return self._qalqan("sealed", "make", "--issuer-key", self.folder / "issuer.pem", *options, *files)

    def home(self, *argv: object) -> Any:
        return self._qalqan("--config", self.config, *argv)


@pytest.fixture
def issuer(qalqan: Qalqan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    return Issuer(qalqan, tmp_path, monkeypatch)


def test_a_set_is_made_fetched_and_listed_without_a_name(issuer: Issuer, tmp_path: Path) -> None:
    made = issuer.make()
    assert (made.status, made.err) == (0, "")
    assert made.out.startswith("2 names, until ")
    parsed = parse_set((issuer.folder / "a.set").read_bytes())
    opened = parsed.opened(bytes.fromhex((issuer.folder / "a.key").read_text().split()[0]))
    assert opened.holds(f"x.{SECRET}")
    assert opened.holds("www.deep.other-marker.invalid")
    assert not opened.holds("deep.other-marker.invalid")
    assert {stat.S_IMODE(path.stat().st_mode) for path in issuer.folder.iterdir()} == {0o600}
    done = issuer.home("sealed", "update")
    assert (done.status, done.out, done.err) == (0, "", "")
    (entry,) = json.loads(issuer.home("sealed", "status", "--json").out)["sets"]
    assert (entry["issuer"], entry["scope"], entry["count"]) == ("Test hotline", "the tests", 2)
    assert (entry["late"], entry["problem"]) == (False, "")
    lines = issuer.home("sealed", "status").out
    assert "Test hotline" in lines
    assert "marker" not in made.out + lines + str(entry)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"marker" not in file.read_bytes(), file


def test_a_set_of_the_signed_feed_is_fetched_before(issuer: Issuer, tmp_path: Path) -> None:
    """Without the feed, the copy that is here is used."""
    issuer.make()
    folder = tmp_path / "state" / "feed" / "provider"
    folder.mkdir(parents=True, mode=0o700)
    (issuer.folder / "a.set").rename(folder / "a.set")
    text = issuer.config.read_text().replace(str(issuer.folder / "a.set"), str(folder / "a.set"))
    feed = {"url": "https://feed.invalid/qalqan", "root": str(tmp_path / "root.json"), "provider": "alma"}
    issuer.config.write_text(text + yaml.safe_dump({"feed": feed}))
    done = issuer.home("sealed", "update")
    assert done.status == 1
    assert done.err.startswith(f"qalqan: feed: {tmp_path / 'root.json'} cannot be read")
    (entry,) = json.loads(issuer.home("sealed", "status", "--json").out)["sets"]
    assert (entry["issuer"], entry["problem"]) == ("Test hotline", "")


def test_the_key_of_the_last_set_stays_until_the_next_one_is_here(issuer: Issuer) -> None:
    issuer.make()
    first = (issuer.folder / "a.key").read_text().split()
    issuer.make()
    second = (issuer.folder / "a.key").read_text().split()
    issuer.make()
    third = (issuer.folder / "a.key").read_text().split()
    assert (second[1:], third[1:]) == (first, second[:1])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("https://marker.invalid/page", "is a web address"),
        ("marker.invalid/page", "'/' in it"),
        ("*.marker.invalid", "has a wildcard"),
        ("192.0.2.7", "is an address"),
        ("co.uk", "is a public suffix"),
        ("marker", "is a public suffix"),
        ("marker .invalid", "is not a host name"),
        (".".join(["marker"] * 11) + ".invalid", "more than 10"),
        ("x" * 2000, "too long"),
        ("mar\x1b[2Jker.invalid", "is not a host name"),
    ],
)
def test_a_line_that_is_no_name_is_reported_by_its_number(issuer: Issuer, line: str, said: str) -> None:
    made = issuer.make(f"good-marker.invalid\n{line}\n")
    assert "standard input, line 2: " in made.refusal
    assert said in made.refusal
    assert "marker" not in made.err + made.out
    assert not (issuer.folder / "a.set").exists()


@pytest.mark.parametrize(("days", "said"), [(1, "until "), (9, "expired on ")])
def test_check_tells_of_each_set(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, days: int, said: str
) -> None:
    def finding() -> tuple[str, str]:
        (one,) = sealed_findings(read_config(issuer.config))
        return str(one.level), one.text

    assert finding() == ("warning", "a sealed list is not in use: no list has come yet")
    issuer.make()
    issuer.home("sealed", "update")
    later = time.time() + days * 86_400
    monkeypatch.setattr("gateway.check.lists.time.time", lambda: later)
    level, text = finding()
    assert level == ("ok" if days == 1 else "warning")
    assert "sealed list of Test hotline" in text
    assert said in text
    assert "marker" not in text


@pytest.mark.needs("root")  # to give it up
def test_check_of_somebody_who_may_not_see_the_sets_says_so(issuer: Issuer, tmp_path: Path) -> None:
    issuer.make()
    issuer.home("sealed", "update")
    let_others_in(tmp_path)
    code = (
        "import os, sys; from pathlib import Path; from gateway.check.lists import sealed_findings;"
        "from gateway.cli.settings import read_config; config = read_config(Path(sys.argv[1]));"
        "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534);"
        "print(*sealed_findings(config))"
    )
    argv = [sys.executable, "-c", code, str(issuer.config)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"note lists: {tmp_path}/state/sealed cannot be read without root"


def test_what_an_issuer_gets_wrong(issuer: Issuer, qalqan: Qalqan) -> None:
    assert "exists already" in qalqan("sealed", "key", issuer.folder / "issuer.pem").refusal
    assert "more than 80 bytes" in issuer.make(issuer="x" * 81).refusal
    assert issuer.make(days=8).status == 2
    (issuer.folder / "issuer.pem").write_text("no key")
    assert "is not a signing key" in issuer.make().refusal
    (issuer.folder / "issuer.pem").chmod(0o644)
    assert "other users can read" in issuer.make().refusal


def test_a_home_without_sets_says_so(qalqan: Qalqan, tmp_path: Path) -> None:
    config = tmp_path / "q.yaml"
    config.write_text(f"lan: [lo]\nstate: {tmp_path}\n")
    assert "No sealed lists" in qalqan("--config", config, "sealed", "status").out


def test_a_real_google_is_never_taken(issuer: Issuer) -> None:
    """The innocent names of the product, and all public suffixes that are on their list."""
    assert issuer.make("www.wikipedia.org\nx.invalid\n").status == 0
    done = issuer.home("sealed", "update")
    assert done.status == 1
    assert "well-known site" in done.err
    assert "wikipedia" not in done.err


@pytest.mark.parametrize("suffix", ["com", "co.uk", "xn--55qx5d.cn", "xn--p1ai", "github.io"])
def test_neither_is_all_of_a_registry(issuer: Issuer, suffix: str) -> None:
    """Also one that the list of suffixes has in its own letters. No command would make such a set."""
    assert suffix in set(innocent_names())
    assert issuer.make(f"{suffix}\nx.invalid\n").status == 1


# ------------------------------------------------------------------------------- by the daemon's word


def _daemon(refused: set[str], asked: list[str], most: int = 99) -> dict[str, Any]:
    def lookup(request: ControlRequest) -> dict[str, object]:
        if len(asked) >= most:
            raise ControlError.of(Code.ASK_LATER)
        asked.append(request.text("host"))
        return {"refused_for_everyone": request.text("host") in refused}

    return {"list_lookup": lookup}


def _capture(folder: Path, hosts: list[str]) -> Path:
    frames = []
    for at, host in enumerate(hosts):
        labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
        query = bytes.fromhex("000701000001000000000000") + labels + b"\0\0\1\0\1"
        packet = udp_packet(bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1]), 40000 + at, 53, query)
        frames.append((1_795_500_000 + at, captures.LINKS["raw"].wrap(packet)))
    path = folder / "a.pcap"
    path.write_bytes(captures.pcap(frames, captures.LINKS["raw"].number))
    return path


def test_replay_why_and_lookup_say_what_the_daemon_says(issuer: Issuer, tmp_path: Path) -> None:
    profile = tmp_path / "child.yaml"
    profile.write_text("name: Child\nband: 13-15\n")
    capture = _capture(tmp_path, [SECRET, "virus.invalid", "open.invalid"])
    asked: list[str] = []
    replay = ("replay", capture, "--profile", profile, "--json")
    with running(tmp_path / "control.sock", _daemon({SECRET}, asked)):
        results = [json.loads(line) for line in issuer.home(*replay).out.splitlines()]
        assert [result["reason"] == "refused_for_everyone" for result in results] == [True, False, False]
        why = json.loads(issuer.home("why", SECRET, "--profile", profile, "--json").out)
        assert (why["verdict"], why["reason"], why["rule"]) == (
            "block", "refused_for_everyone", "refused for everyone",
        )  # fmt: skip
        found = json.loads(issuer.home("lists", "lookup", SECRET, "--json").out)
        assert found["refused_for_everyone"] is True
        assert found["matches"] == []
    assert asked[:3] == [SECRET, "virus.invalid", "open.invalid"]
    assert set(asked[3:]) == {SECRET}
    results = [json.loads(line) for line in issuer.home(*replay).out.splitlines()]
    assert "refused_for_everyone" not in [result["reason"] for result in results]  # no daemon, no set


def test_a_capture_of_a_thousand_names_meets_the_daemons_bound(issuer: Issuer, tmp_path: Path) -> None:
    profile = tmp_path / "child.yaml"
    profile.write_text("name: Child\nband: 13-15\n")
    hosts = [f"n{number}.invalid" for number in range(1000)]
    asked: list[str] = []
    with running(tmp_path / "control.sock", _daemon(set(hosts), asked, most=30)):
        done = issuer.home("replay", _capture(tmp_path, hosts), "--profile", profile, "--json")
        assert done.out.count("refused_for_everyone") == len(done.out.splitlines()) == 30
        later = Code.ASK_LATER.sentence
        assert later in done.refusal, "what is not known is not shown as open"
        assert later in issuer.home("lists", "lookup", "n7.invalid").refusal
        assert later in issuer.home("why", "n7.invalid", "--profile", profile).refusal
    assert len(asked) == 30


def test_why_does_not_go_by_the_files_where_the_daemon_answers_nobody(issuer: Issuer, tmp_path: Path) -> None:
    def why(_request: ControlRequest) -> dict[str, object]:
        raise ControlError.of(Code.ASK_LATER)

    with running(tmp_path / "control.sock", {"why": why}):
        assert Code.ASK_LATER.sentence in issuer.home("why", SECRET, "--profile", "child").refusal


def file(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_what_waits_for_too_long_is_a_line_and_exit_status_1(qalqan: Qalqan, tmp_path: Path) -> None:
    log = file(tmp_path, "appeals.yaml", APPEALS)
    late = qalqan("sealed", "appeals", log, "--today", "2026-12-01")
    assert late.status == 1
    assert late.out.splitlines()[1].split() == ["two", "first", "2026-11-20", "2026-11-27"]
    assert "3 appeals; none is overdue" in qalqan("sealed", "appeals", log, "--today", "2026-11-27").out


def test_a_record_that_is_whole_and_fresh_is_said_to_be(qalqan: Qalqan, tmp_path: Path) -> None:
    whole = file(tmp_path, "record.yaml", RECORD)
    assert "A hotline: whole" in qalqan("sealed", "record", whole, "--today", "2026-11-27").out
    assert "verified_on" in qalqan("sealed", "record", whole, "--today", "2027-11-27").refusal


@pytest.mark.parametrize("key", RECORD)
def test_a_record_that_lacks_anything_says_what(qalqan: Qalqan, tmp_path: Path, key: str) -> None:
    short = file(tmp_path, "record.yaml", {name: one for name, one in RECORD.items() if name != key})
    assert key in qalqan("sealed", "record", short, "--today", "2026-11-27").refusal


def test_the_report_is_filled_from_figures_and_the_log(qalqan: Qalqan, tmp_path: Path) -> None:
    log, data = file(tmp_path, "appeals.yaml", APPEALS), file(tmp_path, "report.yaml", REPORT)
    lines = qalqan("sealed", "report", data, "--appeals", log).out.splitlines()
    assert lines[:3] == ["Provider: A provider", "From: 2026-01-01", "Until: 2026-12-31"]
    assert "Names at the end: 120" in lines
    assert "Refusals, all gateways together, with malware and phishing: 7" in lines
    assert "Contested entries: 2 received, 0 right, 1 wrong, 1 open" in lines, "of its own days alone"
    assert "Median working days of the first look: 3" in lines
    assert "Median working days of the second look: none" in lines


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"names_taken": 131}, "more than there were"),
        ({"until": "2025-01-01"}, "before"),
        ({"names": ["x"]}, "names"),
    ],
)
def test_a_report_that_does_not_add_up_is_refused(
    qalqan: Qalqan, tmp_path: Path, wrong: dict[str, object], problem: str
) -> None:
    log, data = file(tmp_path, "appeals.yaml", APPEALS), file(tmp_path, "report.yaml", {**REPORT, **wrong})
    assert problem in qalqan("sealed", "report", data, "--appeals", log).refusal
