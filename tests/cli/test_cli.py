"""The command line as a whole: every command, its usage, its exit status, its one line."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli import main as cli
from gateway.cli.main import as_service, main
from gateway.cli.parser import build_parser
from gateway.core.errors import GatewayError
from tests import captures
from tests.replayed import AFTERNOON
from tests.wire.flow_forge import ADDRESSES, udp_packet

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "developers" / "cli.md"
CONTRACT = (
    "run", "web", "mqtt", "usp", "first-boot", "setup", "check", "support", "status", "acceptance",
    "audit",
    "device list", "device scan", "device assign", "device answer", "device forget",
    "profile list", "profile show", "guardian list", "guardian add", "guardian reset", "guardian remove",
    "pause", "resume", "why", "replay",
    "lists build", "lists check", "lists update", "lists status", "lists reports", "lists lookup",
    "feed init", "feed build", "feed sign", "feed publish", "feed rotate", "feed info", "feed key",
    "feed update", "feed status", "feed provider", "feed add", "feed rollout",
    "sealed key", "sealed make", "sealed update", "sealed status", "sealed appeals", "sealed record",
    "sealed report",
    "backup", "restore", "button", "off", "on", "grant", "request list", "request answer", "ticket", "ledger",
    "certificate check", "certificate install", "certificate name", "certificate get", "certificate renew",
)  # fmt: skip
QUERY = bytes.fromhex("000701000001000000000000") + b"\x06tiktok\x03com\0\0\1\0\1"


def commands(
    parser: argparse.ArgumentParser, name: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that does something, by its whole name."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield name, parser
    for action in inner:
        for word, one in action.choices.items():
            yield from commands(one, f"{name} {word}".strip())


ALL = dict(commands(build_parser()))


def start(*words: object, **how: object) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "gateway", *map(str, words)]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)  # type: ignore[call-overload,no-any-return]


# ---------------------------------------------------------------- the commands


def test_the_commands_are_the_contracts() -> None:
    assert sorted(ALL) == sorted(CONTRACT)


@pytest.mark.parametrize("name", ALL)
def test_each_command_has_a_module_that_runs_it(name: str) -> None:
    module = ALL[name].get_default("module")
    assert callable(import_module(f"gateway.{module}").run)


@pytest.mark.parametrize("name", ALL)
def test_each_command_and_option_is_in_the_document(name: str) -> None:
    text = DOCUMENT.read_text()
    # A row of a table, or a paragraph that begins with it.
    section = next(line for line in text.splitlines() if line.removeprefix("| ").startswith(f"`{name}"))
    for action in ALL[name]._actions:
        for option in action.option_strings:
            if option.startswith("--") and option not in ("--help", "--config"):
                assert option in section, f"{name} {option}"
        if not action.option_strings and action.metavar:
            assert str(action.metavar).split()[0] in section, f"{name} {action.metavar}"


@pytest.mark.parametrize("name", ALL)
def test_config_is_taken_before_and_after_the_command(name: str) -> None:
    words = name.split()
    positional = [
        action for action in ALL[name]._actions if not action.option_strings and action.nargs != "*"
    ]
    needed = ["x"] * len(positional)
    if name in ("why", "replay"):
        needed += ["--profile", "x"]
    if name == "certificate get":
        needed += ["--provider", "duckdns", "--email", "x"]
    if name == "sealed report":
        needed += ["--appeals", "x"]
    if name == "feed rollout":
        needed += ["--finish"]
    if name == "feed init":
        needed += ["--keys", "x"]
    if name in ("feed sign", "feed publish"):
        needed += ["--key", "x"]
    if name == "sealed make":
        needed += [
            word
            for option in ("issuer-key", "issuer", "scope", "set", "set-key")
            for word in (f"--{option}", "x")
        ]
    for argv in (
        ["--config", "F", *words, *needed],
        [*words, *needed, "--config", "F"],
        [words[0], "--config", "F", *words[1:], *needed],
    ):
        assert build_parser().parse_args(argv).config == Path("F")
    assert build_parser().parse_args([*words, *needed]).config is None


@pytest.mark.parametrize(
    "argv",
    [
        ["run"],
        ["web"],
        ["run", "--config", "F"],
        ["web", "--config", "F"],
        ["run", "--keep-guard"],
        ["run", "--config", "F", "--keep-guard"],
        ["run", "--log", "procd", "--keep-guard"],
        ["run", "--log", "procd", "--user", "qalqan", "--keep-guard"],
        ["run", "--log", "procd", "--user", "qalqan", "--help-service", "F", "--keep-guard"],
        ["run", "--help-service", "F"],
        ["web", "--log", "procd"],
    ],
)
def test_a_service_gets_what_the_parser_would_give_it(argv: list[str]) -> None:
    args = as_service(argv)
    assert args is not None
    read = vars(build_parser().parse_args(argv))
    assert vars(args).items() <= (read if argv[0] == "run" else {**read, "keep_guard": False}).items()


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["status"],
        ["run", "--help"],
        ["run", "--config", "--log"],
        ["run", "--log", "json"],
        ["web", "--keep-guard"],
    ],
)
def test_all_else_is_read_by_the_parser(argv: list[str]) -> None:
    assert as_service(argv) is None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["device"],
        ["device", "assign", "02:00:00:00:00:0a"],
        ["why", "example.com"],
        ["why", "example.com", "--profile", "a", "--device", "b"],
        ["replay", "x.pcap"],
        ["pause"],
        ["status", "--yaml"],
        ["run", "--log", "loud"],
        ["grant"],
        ["ticket", "--list", "--withdraw", "1f"],
        ["request", "answer", "1"],
    ],
)
def test_wrong_usage_is_exit_status_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: qalqan" in capsys.readouterr().err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in ((["--version"], __version__), (["why", "-h"], "--at ISO8601"), (["-h"], "replay")):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert said in capsys.readouterr().out


# ---------------------------------------------------------------- how a command ends


def ends_by(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    class Module:
        @staticmethod
        def run(_: object) -> int:
            raise error

    monkeypatch.setattr(cli, "import_module", lambda _: Module)
    return main(["status"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (GatewayError("it is\nbroken; fix it"), "qalqan: it is broken; fix it\n"),
        (PermissionError(13, "Permission denied", "/x"), "qalqan: /x: Permission denied\n"),
        (OSError("odd"), "qalqan: odd\n"),
    ],
)
def test_a_refusal_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, line: str
) -> None:
    assert ends_by(monkeypatch, error) == 1
    assert capsys.readouterr() == ("", line)


def test_ctrl_c_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_by(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr() == ("", "")


def test_what_is_no_refusal_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        ends_by(monkeypatch, ZeroDivisionError())


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Questions for one name, a second apart, for ever at 16:00 local time in UTC."""
    client, server = ADDRESSES[4]
    at = AFTERNOON.timestamp()
    packets = [(at + n, udp_packet(client, server, 1024 + n, 53, QUERY)) for n in range(3000)]
    path = tmp_path / "questions.pcap"
    path.write_bytes(captures.wrapped(packets, "ethernet"))
    return path


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "kid.yaml"
    path.write_text('band: 10-12\nblock: ["service:tiktok"]\n')
    return path


def test_a_reader_that_leaves_ends_it_quietly(capture: Path, profile: Path) -> None:
    with start("replay", capture, "--profile", profile, "--json") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.parametrize("command", ["check", "replay"])
def test_a_full_disk_behind_standard_output_is_one_line(command: str, capture: Path, profile: Path) -> None:
    words = {"check": ["check", "--config", profile], "replay": ["replay", capture, "--profile", profile]}
    argv = [sys.executable, "-m", "gateway", *map(str, words[command])]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(argv, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "qalqan: standard output: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_may_be_closed(closed: str, capture: Path, profile: Path) -> None:
    command = f'"{sys.executable}" -m gateway replay "{capture}" --profile "{profile}" {closed}'
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) is (">&-" not in closed.replace("2>&-", ""))


def test_ctrl_c_while_it_reads(capture: Path, profile: Path) -> None:
    with start("replay", "-", "--profile", profile, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(capture.read_bytes()[: 24 + 86])
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err) == (b"", b"")
    assert process.returncode == 130


def test_status_imports_little(tmp_path: Path) -> None:
    """What makes it start in a tenth of a second: neither rules nor lists, wire, kernel or web."""
    config = tmp_path / "qalqan.yaml"
    config.write_text(f"runtime: {tmp_path}\n")
    code = (
        "import sys; from gateway.cli.main import main; main(['status', '--config', sys.argv[1]]);"
        "print(*(m for m in sys.modules if m.split('.')[0] in ('gateway', 'webui', 'sqlite3', 'flask',"
        " 'cryptography', 'publicsuffixlist', 'idna')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, config], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {module for module in done.stdout.split() if module.startswith("gateway.")}
    packages = {module.split(".")[1] for module in loaded}
    assert packages <= {"cli", "control", "core", "household", "policy"}
    assert {module for module in loaded if module.startswith("gateway.household.")} == {
        "gateway.household.config_file"
    }
    assert not {"sqlite3", "flask", "cryptography", "publicsuffixlist", "idna"} & set(done.stdout.split())


# ---------------------------------------------------------------- replay


@pytest.fixture
def qalqan(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: object) -> tuple[int, str, str]:
        return main([str(word) for word in words]), *capfd.readouterr()

    return run


Run = Callable[..., tuple[int, str, str]]


def test_replay_prints_the_contracts_object(qalqan: Run, capture: Path, profile: Path) -> None:
    status, out, err = qalqan("replay", capture, "--profile", profile, "--json")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 3000
    assert json.loads(lines[0]) == {
        "time": "2026-11-24T11:00:00.000000+00:00",
        "proto": "dns",
        "src": "192.168.1.7",
        "sport": 1024,
        "dst": "203.0.113.9",
        "dport": 53,
        "host": "tiktok.com",
        "verdict": "block",
        "reason": "family_block",
        "rule": "block: service:tiktok",
        "services": [],
        "sign": None,
    }


def test_replay_in_words(qalqan: Run, capture: Path, profile: Path) -> None:
    _, out, _ = qalqan("replay", capture, "--profile", profile)
    first = out.splitlines()[0]
    assert first.split()[1:4] == ["dns", "block", "tiktok.com"]
    assert first.endswith("family_block (block: service:tiktok)  192.168.1.7:1024 > 203.0.113.9:53")


def test_replay_at_another_time(qalqan: Run, capture: Path, profile: Path) -> None:
    _, out, _ = qalqan("replay", capture, "--profile", profile, "--json", "--at", "2026-11-24T23:00")
    assert json.loads(out.splitlines()[0])["reason"] == "bedtime"


def test_replay_of_a_cut_capture(qalqan: Run, capture: Path, profile: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(capture.read_bytes()[:1000])
    status, out, err = qalqan("replay", cut, "--profile", profile, "--json")
    assert status == 1
    assert len(out.splitlines()) == 11
    assert err == (
        f"qalqan: {cut}: cut at byte 970, after frame 11. The frames before it were read."
        " Record or copy the file again to get the rest.\n"
    )


def test_replay_of_a_broken_capture(qalqan: Run, capture: Path, profile: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(capture.read_bytes()[:970] + b"\xff" * 100)
    status, out, err = qalqan("replay", broken, "--profile", profile, "--json")
    assert status == 1
    assert len(out.splitlines()) == 11
    assert err.count("\n") == 1
    assert "broken (4294967295 bytes of a frame of 4294967295) at byte 970, after frame 11. " in err


def test_frames_that_cannot_be_read_are_lines_and_counted_in_one_more(
    qalqan: Run, profile: Path, tmp_path: Path
) -> None:
    client, server = ADDRESSES[4]
    link = captures.LINKS["ethernet"]
    frame = link.wrap(udp_packet(client, server, 1024, 53, QUERY))
    short = tmp_path / "short.pcap"
    short.write_bytes(captures.pcap([(1e9, frame), (1e9, frame)], link.number, snaplen=60))
    status, out, err = qalqan("replay", short, "--profile", profile)
    assert status == 0
    assert [line.split(maxsplit=1)[1].split() for line in out.splitlines()] == [
        ["frame", "-", "-", "cut", "(frame", f"{number})"] for number in (1, 2)
    ]
    _, lines, _ = qalqan("replay", short, "--profile", profile, "--json")
    assert json.loads(lines.splitlines()[1]) == {
        "time": "2001-09-09T01:46:40.000000+00:00",
        "proto": "frame",
        "src": None,
        "sport": 0,
        "dst": None,
        "dport": 0,
        "host": None,
        "verdict": None,
        "reason": "cut",
        "rule": "frame 2",
        "services": [],
        "sign": None,
    }
    assert err == ("qalqan: of 2 frames skipped: 2 cut by the snapshot length (capture with -s 0)\n")


@pytest.mark.parametrize(
    ("capture_name", "said"),
    [
        (
            "none.pcap",
            "none.pcap: cannot read it (No such file or directory). Use an unpacked pcap or pcapng file.",
        ),
        (".", "cannot read it (Is a directory)"),
        (
            "kid.yaml",
            "kid.yaml: not a capture (it begins with 62616e64). Use an unpacked pcap or pcapng file.",
        ),
        ("empty", "empty: not a capture (it is empty). Use an unpacked pcap or pcapng file."),
    ],
)
def test_replay_refuses_in_one_line(
    qalqan: Run, profile: Path, tmp_path: Path, capture_name: str, said: str
) -> None:
    (tmp_path / "empty").touch()
    status, out, err = qalqan("replay", tmp_path / capture_name, "--profile", profile)
    assert (status, out) == (1, "")
    assert err.startswith("qalqan: ")
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize("words", [("--profile", "nobody"), ("--profile", "x.yaml"), ("--at", "noon")])
def test_replay_refuses_the_wrong_rules(
    qalqan: Run, capture: Path, profile: Path, tmp_path: Path, words: tuple[str, str]
) -> None:
    config = tmp_path / "qalqan.yaml"
    config.write_text(f"profiles: {tmp_path / 'profiles'}\n")
    (tmp_path / "profiles").mkdir()
    whose = words if words[0] == "--profile" else ("--profile", str(profile), *words)
    status, _, err = qalqan("replay", capture, *whose, "--config", config)
    assert status == 1
    assert err.count("\n") == 1


def test_replay_reads_standard_input_as_it_comes(capture: Path, profile: Path) -> None:
    with start("replay", "-", "--profile", profile, "--json", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        data = capture.read_bytes()[: 24 + 100 * 86]
        process.stdin.write(data[:1000])
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["host"] == "tiktok.com"
        process.stdin.write(data[1000:])
        process.stdin.close()
        assert len(process.stdout.read().splitlines()) == 99
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_terminal_that_cannot_show_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "kid.yaml").write_text("name: Аружан\nband: 10-12\n", encoding="utf-8")
    config = tmp_path / "qalqan.yaml"
    config.write_text(f"profiles: {tmp_path / 'profiles'}\n")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with start("profile", "list", "--config", config, env=ascii_only) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert b"\\u0410" in out
