"""`qalqan setup` as a whole, with a root and a network of its own: asked on a terminal, and unattended."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.setup import run as setup
from gateway.setup import write as setup_write
from gateway.setup.dhcp import servers_on
from gateway.setup.facts import Offer, SetupError
from gateway.setup.system import System
from tests.cli.check.test_check_network import HOME as TWO_ARMS
from tests.cli.conftest import Heard, Qalqan, Result
from tests.cli.setup.test_setup_look import put
from tests.control.running import running
from tests.kernel.home import Namespace
from tests.pace import longest, until

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[3]
ONE_ARM = (
    "link add name eth0 type veth peer name far0",
    *(f"link set {name} up" for name in ("eth0", "far0")),
    "address add 192.168.77.2/24 dev eth0",
    "route add default via 192.168.77.254",
)
HAND = "# ours\nlan: [br-lan]\ncountry: kz   # Almaty\n"

Setup = Callable[..., Result]


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    made.sysctl("ipv4/ip_forward", 0)
    for name in ("all", "default"):
        made.sysctl(f"ipv4/conf/{name}/send_redirects", 1)
    with made.inside():
        yield made
    made.close()


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """`test_setup_look` asks a real server; here nobody waits for one."""
    monkeypatch.setattr(setup, "servers_on", lambda _: ())


@pytest.fixture
def run(qalqan: Qalqan, tmp_path: Path) -> Setup:
    return lambda *words: qalqan("setup", "--root", tmp_path, *words)


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()
    }


def kernel(space: Namespace) -> tuple[str, ...]:
    names = (
        "net.ipv4.ip_forward",
        "net.ipv4.conf.all.send_redirects",
        "net.ipv4.conf.default.send_redirects",
    )
    return space.run("sysctl", "-n", *names).split(), space.run("nft", "list", "tables").split()  # type: ignore[return-value]


def test_two_arms_unattended(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    put(tmp_path, "etc/timezone", "Asia/Almaty\n")
    done = run("--yes", "--country", "kz")
    assert (done.status, done.err) == (0, "")
    config = tmp_path / "etc/qalqan/qalqan.yaml"
    assert config.read_text().splitlines()[1:] == ["lan: [br-lan]", "country: kz", 'timezone: "Asia/Almaty"']
    assert (tmp_path / "etc/qalqan/profiles").is_dir()
    assert space.run("sysctl", "-n", "net.ipv4.ip_forward") == "1\n"
    assert 'iifname "br-lan" oifname "wan" meta nfproto ipv4 masquerade' in space.run(
        "nft", "list", "ruleset"
    )
    for said in (
        "br-lan is the home's side: it joins lan0",
        "qalqan check",
        "http://192.168.77.1:8080/",
        "guardian list",
    ):
        assert said in done.out


def test_a_second_run_changes_nothing_and_is_no_refusal(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    assert run("--yes").status == 0
    before, rules = tree(tmp_path), space.run("nft", "list", "ruleset")
    again = run("--yes")
    assert again.status == 0
    assert "Written" not in again.out
    assert tree(tmp_path) == before
    assert space.run("nft", "list", "ruleset") == rules, "its own translation is not somebody else's"


def test_how_often_lists_are_downloaded(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    config = tmp_path / "etc/qalqan/qalqan.yaml"
    done = run("--yes")
    assert "Lists of sites are downloaded from public servers, daily unless you choose otherwise." in done.out
    assert "lists" not in config.read_text(), "it is the default"
    download = "When the first child is added, the daemon downloads the lists. `qalqan lists update` shows"
    assert download in done.out
    off = run("--yes", "--lists", "off")
    assert off.status == 0
    assert download not in off.out
    assert "lists: {update: off}" in config.read_text()
    assert run("--yes").status == 0
    assert "lists: {update: off}" in config.read_text(), "what was chosen stays"
    assert run("--yes", "--lists", "daily").status == 0
    assert "lists: {update: daily}" in config.read_text()
    assert run("--yes", "--lists", "hourly").status == 2


def test_a_dry_run_shows_the_files_and_changes_nothing(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*ONE_ARM)
    before = kernel(space)
    done = run("--dry-run", "--yes", "--one-armed", "eth0")
    assert done.status == 0
    for text in ("net/ipv4/conf/eth0/send_redirects = 0", "lan: [eth0]", "icmpv6 type nd-redirect drop"):
        assert text in done.out
    assert tree(tmp_path) == {}
    assert kernel(space) == before


@pytest.mark.parametrize(
    ("home", "words", "why"),
    [
        (ONE_ARM, (), "eth0 is the only interface; use --one-armed eth0"),
        (ONE_ARM, ("--lan", "eth0"), "eth0 cannot be both sides"),
        (ONE_ARM, ("--one-armed", "eth9"), "there is no interface eth9"),
        (TWO_ARMS, ("--one-armed", "br-lan"), "br-lan is not the way to the internet, wan is"),
        (TWO_ARMS, ("--country", "Kazakhstan"), "setup:1: country: 'kazakhstan' is no country"),
        (TWO_ARMS, ("--timezone", "Almaty"), "setup:1: timezone: the time zone 'Almaty' is unknown"),
        (TWO_ARMS, ("--dhcp", "auto"), "no dnsmasq service gives addresses here"),
        (TWO_ARMS[:-1], (), "this machine has no default route over IPv4"),
    ],
)
def test_what_cannot_filter_is_refused_and_nothing_is_changed(
    space: Namespace, run: Setup, tmp_path: Path, home: tuple[str, ...], words: tuple[str, ...], why: str
) -> None:
    space.ip(*home)
    before = kernel(space)
    done = run("--yes", *words)
    assert done.refusal.startswith(why)
    assert tree(tmp_path) == {}
    assert kernel(space) == before


@pytest.mark.parametrize(
    "words",
    [
        ("--one-armed", "eth0", "--lan", "eth1"),
        ("--one-armed", "eth0", "--wan", "eth0"),
        ("--undo", "--lan", "x"),
        ("--lan",),
    ],
)
def test_wrong_usage(run: Setup, words: tuple[str, ...]) -> None:
    assert run(*words).status == 2


# -------------------------------------------------------------------- what is there already


def test_a_file_by_hand_is_not_changed_unattended(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    config = put(tmp_path, "etc/qalqan/qalqan.yaml", HAND)
    done = run("--yes", "--timezone", "Asia/Almaty")
    assert done.refusal.endswith(
        "is written by hand and would change; run this without --yes, or change it yourself"
    )
    assert '+timezone: "Asia/Almaty"' in done.out
    assert tree(tmp_path) == {"etc/qalqan/qalqan.yaml": HAND}
    same = run("--yes")
    assert same.status == 0, "where it says all that is needed it stays"
    assert config.read_text() == HAND


def test_undo_brings_back_what_was_there(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*ONE_ARM)
    put(tmp_path, "etc/sysctl.d/90-qalqan.conf", "net.ipv4.ip_forward=0\n")
    before, files = kernel(space), tree(tmp_path)
    assert run("--yes", "--one-armed", "eth0").status == 0
    assert run("--yes", "--country", "kz").status == 0, "and a second run, which knows that it is one arm"
    assert kernel(space) != before
    kept = tmp_path / "etc/qalqan/setup/90-qalqan.conf.1"
    assert kept.read_text() == "net.ipv4.ip_forward=0\n"
    done = run("--undo", "--yes")
    assert done.status == 0
    assert "etc/sysctl.d/90-qalqan.conf: restored" in done.out
    assert tree(tmp_path) == files
    assert kernel(space) == before
    assert run("--undo", "--yes").refusal.endswith("setup has written nothing here")


def test_what_the_family_changed_since_is_kept_by_undo(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    assert run("--yes").status == 0
    config = tmp_path / "etc/qalqan/qalqan.yaml"
    config.write_text(config.read_text() + "unknown_devices: home\n")
    done = run("--undo", "--yes")
    assert "was changed since; a copy is in" in done.out
    assert [*tree(tmp_path)] == ["etc/qalqan/setup/qalqan.yaml.changed.1"]


def test_a_translation_that_is_needed_no_more_goes_with_the_next_run(
    space: Namespace, run: Setup, tmp_path: Path
) -> None:
    space.ip(*TWO_ARMS)
    assert run("--yes").status == 0
    space.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-j", "MASQUERADE")
    done = run("--yes")
    assert "this machine translates addresses already" in done.out
    assert not (tmp_path / "etc/qalqan/nat.nft").exists()
    assert "qalqan_nat" not in space.run("nft", "list", "tables")
    assert run("--undo", "--yes").status == 0
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "error", [SetupError("the kernel refuses"), KeyboardInterrupt(), OSError(28, "No space left")]
)
@pytest.mark.parametrize("at", ["set_sysctl", "translate", "write", "keep"])
def test_what_fails_in_the_middle_leaves_everything_as_it_was(
    space: Namespace,
    run: Setup,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    at: str,
) -> None:
    space.ip(*ONE_ARM)
    put(tmp_path, "etc/sysctl.d/90-qalqan.conf", "# theirs\n")
    before, files = kernel(space), tree(tmp_path)
    place = {"write": setup_write, "keep": setup_write.RecordFolder}.get(at, System)
    real, calls = getattr(place, at), []

    def failing(*words: object) -> object:
        calls.append(words)
        if len(calls) == {"write": 2, "keep": 2, "translate": 1, "set_sysctl": 2}[at]:
            raise error
        return real(*words)

    monkeypatch.setattr(place, at, failing)
    done = run("--yes", "--one-armed", "eth0")
    assert done.status == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert tree(tmp_path) == files
    assert kernel(space) == before
    assert not (tmp_path / "etc/qalqan").exists()


def test_root_puts_nothing_back_by_what_the_daemon_wrote(
    space: Namespace, run: Setup, tmp_path: Path
) -> None:
    """The folder above is the daemon's own: one that was taken over may write a record of its own there."""
    space.ip(*TWO_ARMS)
    put(tmp_path, "etc/qalqan/setup/evil", "root runs this")
    record = {
        "files": {str(tmp_path / "etc/cron.d/evil"): ("evil", "")},
        "sysctls": {},
        "units": [],
        "enabled": [],
    }
    put(tmp_path, "etc/qalqan/setup/record.json", json.dumps(record))
    folder = tmp_path / "etc/qalqan/setup"
    for path in (folder.parent, folder, *folder.iterdir()):
        os.chown(path, 65534, 65534)
    for words in (("--undo", "--yes"), ("--yes",)):
        assert "does not belong to root" in run(*words).refusal
    os.chown(folder / "record.json", 0, 0)
    assert "evil: does not belong to root" in run("--undo", "--yes").refusal
    assert "setup: does not belong to root" in run("--yes").refusal
    assert not (tmp_path / "etc/cron.d").exists()


def test_what_was_there_before_is_roots_alone(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    folder = tmp_path / "etc/qalqan"
    folder.mkdir(parents=True)
    os.chown(folder, 65534, 65534)
    assert run("--yes").status == 0
    found = [(folder / name).stat() for name in ("setup", "setup/record.json", "profiles", "qalqan.yaml")]
    assert [state.st_uid for state in found] == [0, 0, 65534, 65534]
    assert found[0].st_mode & 0o777 == 0o700


def test_a_record_that_is_broken_is_named(space: Namespace, run: Setup, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    slip = {"files": {"x": "y"}, "sysctls": {}, "units": [], "enabled": []}
    for text in ("{", "[]", '{"files": 1}', json.dumps(slip)):
        put(tmp_path, "etc/qalqan/setup/record.json", text)
        assert "record.json: is not a record of setup" in run("--undo", "--yes").refusal


def test_a_link_that_takes_the_place_of_a_new_folder_gives_nothing_away(
    space: Namespace, run: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making it and giving it to whom the folder above belongs."""
    space.ip(*TWO_ARMS)
    config, other = tmp_path / "etc/qalqan", tmp_path / "other"
    config.mkdir(parents=True)
    other.mkdir()
    os.chown(config, 65534, 65534)
    real: Callable[[Path], None] = vars(setup_write)["make_folder"]

    def swapped(folder: Path) -> None:
        real(folder)
        if folder.name == "profiles":
            folder.rmdir()
            folder.symlink_to(other)

    monkeypatch.setattr(setup_write, "make_folder", swapped)
    run("--yes")
    assert other.stat().st_uid == 0


# -------------------------------------------------------------------- dnsmasq


@pytest.mark.needs("dnsmasq")
def test_addresses_are_given_where_somebody_says_so(space: Namespace, run: Setup, tmp_path: Path) -> None:
    """Debian's service is there, by its file; dnsmasq itself reads what is written."""
    space.ip(*ONE_ARM)
    put(tmp_path, "etc/init.d/dnsmasq")
    put(tmp_path, "usr/lib/qalqan/dhcp-event")
    put(tmp_path, "etc/dnsmasq.conf", "domain-needed\n")
    assert run("--yes", "--one-armed", "eth0").status == 0
    drop_in = tmp_path / "etc/dnsmasq.d/qalqan.conf"
    assert drop_in.read_text().splitlines()[1:] == ["dhcp-script=/usr/lib/qalqan/dhcp-event"]
    assert drop_in.stat().st_mode & 0o777 == 0o644
    assert run("--yes", "--one-armed", "eth0", "--dhcp", "auto").status == 0
    assert "dhcp-range=192.168.77.100,192.168.77.199,255.255.255.0,12h" in drop_in.read_text()
    assert "leases:" in (tmp_path / "etc/qalqan/qalqan.yaml").read_text()
    served = drop_in.read_text()
    assert run("--yes", "--country", "de").status == 0
    assert drop_in.read_text() == served, "another setting leaves the range"
    assert run("--yes", "--dhcp", "none").status == 0
    assert "dhcp-range" not in drop_in.read_text()


@pytest.mark.needs("dnsmasq")
def test_devices_learn_that_this_machine_is_their_gateway(
    space: Namespace, run: Setup, tmp_path: Path
) -> None:
    """A real dnsmasq with the file that was written; asked from the other end of the wire."""
    space.ip(*ONE_ARM)
    put(tmp_path, "etc/init.d/dnsmasq")
    assert run("--yes", "--one-armed", "eth0", "--dhcp", "auto").status == 0
    far = Namespace()
    space.run("ip", "link", "set", "far0", "netns", far.path)
    far.ip("link set far0 up")
    command = [
        "dnsmasq", "--no-daemon", "--user=root", "--no-ping", "--conf-file=/dev/null", "--port=0",
        f"--conf-dir={tmp_path / 'etc/dnsmasq.d'}", f"--dhcp-leasefile={tmp_path / 'leases'}",
        f"--pid-file={tmp_path / 'pid'}",
    ]  # fmt: skip
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        with far.inside():
            wanted = (Offer("192.168.77.2", "192.168.77.2"),)
            assert until(lambda: servers_on("far0", 1.0) == wanted, 10.0, every=0.1) is not None
    finally:
        server.terminate()
        server.wait()
        far.close()


@pytest.mark.needs("dnsmasq")
def test_a_dnsmasq_that_would_not_start_is_left_as_it_is(
    space: Namespace, run: Setup, tmp_path: Path
) -> None:
    space.ip(*ONE_ARM)
    put(tmp_path, "etc/init.d/dnsmasq")
    put(tmp_path, "etc/dnsmasq.d/theirs", "no-such-option\n")
    before, files = kernel(space), tree(tmp_path)
    done = run("--yes", "--one-armed", "eth0", "--dhcp", "192.168.77.100-192.168.77.150")
    assert done.refusal.startswith("dnsmasq would not start with our file: bad option")
    assert tree(tmp_path) == files
    assert kernel(space) == before


# -------------------------------------------------------------------- services

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$CALLS"
[ "$1 $2" = "is-enabled qalqan-nat.service" ] && echo static
[ "$1 $2" != "restart $FAILS" ] || { echo "Job for $2 failed." >&2; exit 1; }
"""
NAT, DAEMON, PAGES = "qalqan-nat.service", "qalqan.service", "qalqan-web.service"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file with the arguments of systemctl, on a machine that has the package's units."""
    folder = tmp_path / "bin"
    put(folder, "systemctl", SYSTEMCTL).chmod(0o755)
    for unit in (NAT, DAEMON, PAGES):
        put(tmp_path / "root", f"usr/lib/systemd/system/{unit}")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    class Booted(System):
        def __init__(self, root: Path) -> None:
            super().__init__(root)
            self.has_services = True

    monkeypatch.setattr(setup, "System", Booted)
    return tmp_path / "calls"


def test_services_are_started_and_the_labels_code_is_shown(
    space: Namespace, qalqan: Qalqan, tmp_path: Path, calls: Path
) -> None:
    space.ip(*TWO_ARMS)
    root = tmp_path / "root"
    config = put(root, "etc/qalqan/qalqan.yaml", f"lan: [br-lan]\nruntime: {tmp_path}\n")
    heard = Heard(guardian={"guardians": [], "label": "K7QM-3XPR"})
    with running(tmp_path / "control.sock", heard.verbs()):
        done = qalqan("setup", "--root", root, "--yes")
    assert done.status == 0
    assert "The label's code: K7QM-3XPR." in done.out
    assert config.read_text().startswith("lan: [br-lan]\n"), "there was nothing to change"
    asked = [f"is-enabled {unit}" for unit in (NAT, DAEMON, PAGES)]
    assert calls.read_text().splitlines() == [
        *asked, f"enable {DAEMON} {PAGES}", *(f"restart {unit}" for unit in (NAT, DAEMON, PAGES))
    ]  # fmt: skip
    calls.unlink()
    assert qalqan("setup", "--root", root, "--undo", "--yes").status == 0
    commands = calls.read_text().splitlines()
    assert commands[0].startswith("stop ")
    assert commands[-1] == f"disable {PAGES} {DAEMON}"
    assert config.exists(), "it was there before"


def test_a_service_that_does_not_start_is_reported_in_systemds_words(
    space: Namespace, qalqan: Qalqan, tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.ip(*TWO_ARMS)
    monkeypatch.setenv("FAILS", NAT)
    said = qalqan("setup", "--root", tmp_path / "root", "--yes").refusal
    assert f"Job for {NAT} failed.; see: journalctl -u {NAT}" in said
    record = json.loads((tmp_path / "root/etc/qalqan/setup/record.json").read_text())
    assert record["units"] == sorted((NAT, DAEMON, PAGES)), "--undo knows of them"


class InterruptedInput(io.StringIO):
    """Lines of a user who presses Ctrl-C after the last one."""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        line = super().readline(-1 if size is None else size)
        if not line:
            raise KeyboardInterrupt
        return line


@pytest.mark.parametrize(("stdin", "status"), [(io.StringIO, 1), (InterruptedInput, 130)])
def test_without_an_answer_to_the_last_question_it_says_that_files_were_written(
    space: Namespace,
    qalqan: Qalqan,
    tmp_path: Path,
    calls: Path,
    monkeypatch: pytest.MonkeyPatch,
    stdin: type[io.StringIO],
    status: int,
) -> None:
    space.ip(*TWO_ARMS)
    root = tmp_path / "root"
    before = tree(root)
    monkeypatch.setattr(sys, "stdin", stdin("\n" * 6))  # all questions before the one about the services
    done = qalqan("setup", "--root", root)
    assert done.status == status
    assert tree(root) != before
    said = f"{done.out}{done.err}".lower()
    assert "the files above were written, but no service was started; `qalqan setup --undo` undoes" in said
    assert "nothing was changed" not in said
    assert qalqan("setup", "--root", root, "--undo", "--yes").status == 0


# -------------------------------------------------------------------- on a terminal


# As `nobody_answers` has it in this process.
_QALQAN = """
import sys
from gateway.cli.main import main
from gateway.setup import run as setup
setup.servers_on = lambda _: ()
sys.exit(main())
"""


class Terminal:
    """`qalqan setup` in a child process with a terminal of its own."""

    def __init__(self, *words: str) -> None:
        self.said = ""
        self._pid, self._end = pty.fork()
        if not self._pid:
            os.chdir(ROOT)
            os.execv(sys.executable, [sys.executable, "-c", _QALQAN, "setup", *words])

    def answer(self, prompt: str, line: str) -> None:
        self._until(prompt)
        os.write(self._end, f"{line}\n".encode())

    def _until(self, wanted: str) -> None:
        start = len(self.said)
        while wanted not in self.said[start:]:
            piece = self._read()
            assert piece, f"{wanted!r} did not come: {self.said[start:]}"
            self.said += piece

    def _read(self) -> str:
        try:
            return os.read(self._end, 4096).decode()
        except OSError:
            return ""

    def interrupt(self, prompt: str) -> None:
        """Again while nothing comes of it: one just before the wait for a line is heard late."""
        self._until(prompt)
        os.write(self._end, b"\x03")
        while "Nothing was changed." not in self.said:
            if not select.select([self._end], [], [], 1.0)[0]:
                os.write(self._end, b"\x03")
            elif piece := self._read():
                self.said += piece
            else:
                return

    def status(self) -> int:
        while piece := self._read():
            self.said += piece
        _, status = os.waitpid(self._pid, 0)
        os.close(self._end)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """A dialogue that goes wrong ends by itself."""
    signal.alarm(int(longest(30.0)))
    yield
    signal.alarm(0)


def test_a_dialogue_with_defaults_and_a_mistake(space: Namespace, tmp_path: Path) -> None:
    space.ip(*TWO_ARMS)
    put(tmp_path, "etc/timezone", "Asia/Almaty\n")
    config = put(tmp_path, "etc/qalqan/qalqan.yaml", "# by hand\nlan: [br-lan]\n")
    talk = Terminal("--root", str(tmp_path))
    talk.answer("Which interface leads to the internet? [wan]", "")
    talk.answer("Which interface faces the home? [br-lan]", "lan0")
    talk.answer("lan0 is a port of br-lan; name br-lan", "")
    talk.answer("Time zone? [Asia/Almaty]", "")
    talk.answer("(two letters, or none)? [kz]", "none")
    talk.answer("How often (daily, weekly, off)? [daily]", "hourly")
    talk.answer("'hourly' is no answer; write daily, weekly or off", "off")
    talk.answer("It was written by hand, and loses its comments; a copy is kept. Change it? [y/N]", "y")
    talk.answer("Write and apply this? [Y/n]", "")
    assert talk.status() == 0, talk.said
    assert config.read_text().splitlines()[1:] == [
        "lan: [br-lan]",
        'timezone: "Asia/Almaty"',
        "lists: {update: off}",
    ]
    assert (tmp_path / "etc/qalqan/setup/qalqan.yaml.1").read_text() == "# by hand\nlan: [br-lan]\n"
    assert re.search(r"-# by hand\s", talk.said), "the difference was shown"


@pytest.mark.slow
def test_one_arm_is_offered_and_says_what_walks_around(space: Namespace, tmp_path: Path) -> None:
    space.ip(*ONE_ARM)
    talk = Terminal("--root", str(tmp_path))
    talk.answer("Make it a gateway with one arm, eth0? [Y/n]", "perhaps")
    talk.answer("Answer y or n.", "y")
    talk.answer("Time zone?", "")
    talk.answer("(two letters, or none)? [none]", "")
    talk.answer("How often (daily, weekly, off)?", "")
    talk.answer("Write and apply this? [Y/n]", "n")
    assert talk.status() == 1
    for said in ("bypasses this machine", "only the router can prevent that", "Nothing was changed."):
        assert said in talk.said
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "prompt",
    [
        pytest.param("leads to the internet?", marks=pytest.mark.slow),
        pytest.param("Time zone?", marks=pytest.mark.slow),
        "Write and apply this?",
    ],
)
def test_ctrl_c_leaves_nothing(space: Namespace, tmp_path: Path, prompt: str) -> None:
    space.ip(*TWO_ARMS)
    before = kernel(space)
    talk = Terminal("--root", str(tmp_path))
    for asked in (
        "leads to the internet?",
        "faces the home?",
        "Time zone?",
        "or none)?",
        "How often",
        "Write and apply this?",
    ):
        if asked == prompt:
            talk.interrupt(asked)
            break
        talk.answer(asked, "")
    assert talk.status() == 130
    assert "Nothing was changed." in talk.said
    assert tree(tmp_path) == {}
    assert kernel(space) == before


def test_nobody_there_to_ask(space: Namespace, run: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    space.ip(*TWO_ARMS)
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert run().refusal == "no input to answer the question; use options and --yes; nothing was changed"
