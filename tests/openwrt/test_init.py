"""`/etc/init.d/qalqan` under busybox ash: what procd is told, in each state of the router."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openwrt.feed.recipes import FEED, read
from tests.openwrt.feed.scripts import of_apk
from tests.openwrt.goldenfiles import same_as_golden
from tests.openwrt.router import DAEMON_ID, PAGES_ID, STATIC, Router
from tests.pace import longest, until, within

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

OFFLOAD = "config defaults\n\toption flow_offloading '1'\n"
HARDWARE = OFFLOAD + "\toption flow_offloading_hw '1'\n"
YES = "\toption firewall_offload 'off'\n"
RUN = "[/usr/bin/qalqan] [run] [--log] [procd]"
HELP = "[--help-service] [/var/run/qalqan-help/help.conf]"
LAN = "config qalqan 'main'\n\tlist lan 'br-lan'\n\tlist lan 'br-kids'\n\toption offload 'off'\n"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_daemon_and_pages(ready: Router) -> None:
    done = ready.script("qalqan", "start")
    assert (done.returncode, done.stderr) == (0, "")
    assert same_as_golden(ready.told(), "start")


def test_without_the_package_of_the_pages(tmp_path: Path) -> None:
    router = Router(tmp_path / "root", pages=False)
    router.defaults()
    router.forget()
    router.script("qalqan", "start")
    assert same_as_golden(router.told(), "start-without-pages")
    assert not (router.root / "etc/qalqan/state/web").exists()


def test_pages_that_are_switched_off(ready: Router) -> None:
    ready.config("qalqan", LAN + "config web 'web'\n\toption enabled 'no'\n")
    ready.script("qalqan", "start")
    assert "instance [daemon]" in ready.told()
    assert "instance [web]" not in ready.told()


def test_several_interfaces_and_an_address_for_the_pages(ready: Router) -> None:
    ready.config("qalqan", LAN + "config web 'web'\n\toption listen '192.168.1.1:8080'\n")
    ready.script("qalqan", "start")
    assert same_as_golden(ready.told(), "start-several-interfaces")


def test_disabled_starts_nothing_and_says_so_to_procd(ready: Router) -> None:
    """procd stops what is not in what it is told."""
    ready.config("qalqan", "config qalqan 'main'\n\toption enabled '0'\n\toption offload 'off'\n")
    ready.script("qalqan", "reload")
    assert same_as_golden(ready.told(), "disabled")


def test_disabled_opens_the_line_where_the_guard_holds_it(ready: Router) -> None:
    """The daemon never came, and will not."""
    guard = ready.write("tmp/run/qalqan-guard/guard.nft", "table inet qalqan { }\n")
    ready.config("qalqan", "config qalqan 'main'\n\toption enabled '0'\n\toption offload 'off'\n")
    ready.script("qalqan", "reload")
    assert "nft [delete] [table] [inet] [qalqan]\n" in ready.told()
    assert not guard.exists()


def test_the_metrics_are_where_the_node_exporter_reads_them_on_request_only(ready: Router) -> None:
    link = ready.root / "tmp/prometheus/qalqan.prom"
    ready.script("qalqan", "start")
    assert not link.parent.exists()
    wish = "config metrics 'metrics'\n\toption textfile '1'\n"
    ready.config("qalqan", LAN + wish)
    for _ in range(2):
        ready.script("qalqan", "start")
        assert os.readlink(link) == "/var/run/qalqan/metrics.prom"
    ready.config("qalqan", LAN + wish + "config paths 'paths'\n\toption runtime '/tmp/elsewhere'\n")
    ready.script("qalqan", "start")
    assert os.readlink(link) == "/tmp/elsewhere/metrics.prom"
    ready.config("qalqan", LAN + wish.replace("1", "0"))
    ready.script("qalqan", "start")
    assert not link.is_symlink()


def test_poor_flash_is_the_daemons_own_matter(ready: Router) -> None:
    """It reads the option itself: procd is told the same."""
    ready.config("qalqan", ready.config("qalqan").replace("'main'\n", "'main'\n\toption flash 'poor'\n"))
    ready.script("qalqan", "start")
    assert same_as_golden(ready.told(), "start")


def test_wrong_values_are_said_and_stop_no_filter(ready: Router) -> None:
    text = LAN + "\toption enabled 'perhaps'\n\toption flash 'wet'\nconfig web 'web'\n\toption port 'http'\n"
    ready.config("qalqan", text)
    ready.script("qalqan", "start")
    told = ready.told()
    assert "instance [daemon]" in told
    assert "instance [web]" in told
    assert [line for line in told.splitlines() if line.startswith("logger")] == [
        f"logger [-t] [qalqan] [-p] [daemon.err] [/etc/config/qalqan: a value of section '{name}' cannot be"
        " used; qalqan check tells which]"
        for name in ("main", "web")
    ]


def test_no_uci_file_has_the_defaults(ready: Router) -> None:
    ready.config("qalqan", "")
    ready.script("qalqan", "start")
    assert (ready.root / "tmp/run/qalqan").is_dir()
    assert "pidfile [/var/run/qalqan-daemon.pid]" in ready.told()
    assert "instance [web]" in ready.told()


@pytest.mark.parametrize("text", ["no such command\n", "config paths 'paths'\n\toption state ''\n"])
def test_a_file_that_says_nothing_of_the_places_leads_to_no_others(ready: Router, text: str) -> None:
    ready.config("qalqan", text)
    ready.script("qalqan", "start")
    assert (ready.root / "tmp/run/qalqan").is_dir()
    assert (ready.root / "etc/qalqan/state/web").is_dir()
    assert not (ready.root / "web").exists()


def test_folders_have_the_owners_that_the_pages_need(ready: Router) -> None:
    ready.script("qalqan", "start")
    state = ready.root / "etc/qalqan/state"
    own = state / "web"
    assert (mode(state), state.stat().st_uid) == (0o711, DAEMON_ID)
    assert (mode(own), own.stat().st_uid, own.stat().st_gid) == (0o700, PAGES_ID, PAGES_ID)
    assert mode(ready.root / "tmp/run/qalqan") == 0o755
    assert mode(ready.root / "etc/config/qalqan") & 0o444 == 0o444
    assert mode(ready.root / "etc/qalqan/profiles") == 0o700


def test_folders_that_are_there_keep_their_modes_as_far_as_the_pages_can_go_through(ready: Router) -> None:
    for name, given in (("state", 0o700), ("profiles", 0o750)):
        folder = ready.root / "etc/qalqan" / name
        folder.mkdir()
        folder.chmod(given)
    ready.script("qalqan", "start")
    assert mode(ready.root / "etc/qalqan/state") == 0o711
    assert mode(ready.root / "etc/qalqan/profiles") == 0o750


def test_the_pages_reach_what_is_theirs_and_nothing_else(ready: Router) -> None:
    ready.write("etc/qalqan/profiles/daughter.yaml", "name: Daughter\n")
    ready.script("qalqan", "start")
    for theirs in (
        "cat /etc/qalqan/qalqan.yaml",
        "cat /etc/config/qalqan",
        "ls /var/run/qalqan",
        "touch /etc/qalqan/state/web/session.key",
    ):
        assert ready.as_pages(theirs), theirs
    for not_theirs in (
        "ls /etc/qalqan/state",
        "touch /etc/qalqan/state/guard.nft",
        "cat /etc/qalqan/profiles/daughter.yaml",
        "touch /etc/qalqan/qalqan.yaml",
        "touch /var/run/qalqan/clock.synced",
        "touch /var/run/qalqan-guard/guard.nft",
    ):
        assert not ready.as_pages(not_theirs), not_theirs


def test_the_daemon_gets_its_files_and_becomes_a_user_of_its_own(ready: Router) -> None:
    ready.write("etc/qalqan/profiles/daughter.yaml", "name: Daughter\n")
    ready.write("etc/qalqan/state/qalqan.db", "data")
    ready.write("etc/qalqan/lists.yaml", "")
    ready.write("etc/qalqan/state/web/session.key", "secret")
    done = ready.script("qalqan", "start")
    assert done.stderr == ""
    assert f"command {RUN} [--user] [qalqan] {HELP} [--keep-guard]\n" in ready.told()
    owned = [
        "etc/qalqan",
        "etc/qalqan/qalqan.yaml",
        "etc/qalqan/lists.yaml",
        "etc/qalqan/profiles/daughter.yaml",
        "tmp/run/qalqan",
    ]
    owned += ["etc/qalqan/state", "etc/qalqan/state/qalqan.db", "tmp/run/qalqan-guard"]
    assert {(ready.root / name).stat().st_uid for name in owned} == {DAEMON_ID}
    assert (ready.root / "etc/qalqan/state/web/session.key").stat().st_uid == PAGES_ID
    for name in ("etc/config/qalqan", "etc/qalqan/compat"):
        assert (ready.root / name).stat().st_uid == 0, name
    assert ready.as_pages("cat /etc/qalqan/qalqan.yaml")
    assert not ready.as_pages("cat /etc/qalqan/profiles/daughter.yaml")


def test_a_link_in_the_daemon_s_folders_gives_it_nothing(ready: Router) -> None:
    state = ready.root / "etc/qalqan/state"
    state.mkdir()
    (state / "mine").symlink_to("/etc/passwd")
    (state / "folder").symlink_to("/etc/rc.d")
    ready.script("qalqan", "start")
    assert {ready.root.joinpath(name).stat().st_uid for name in ("etc/passwd", "etc/rc.d")} == {0}


@pytest.mark.parametrize("name", ["state", "state/web", "profiles"])
def test_a_link_in_place_of_a_folder_gives_nothing_and_starts_nothing(ready: Router, name: str) -> None:
    """The daemon's user owns the folder above, so it could have put the link there."""
    secret = ready.write("etc/secret/shadow", "root:secret\n")
    secret.parent.chmod(0o755)
    secret.chmod(0o600)
    link = ready.root / "etc/qalqan" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("/etc/secret")
    os.lchown(link, DAEMON_ID, DAEMON_ID)
    ready.script("qalqan", "start")
    for path, was in ((secret, 0o600), (secret.parent, 0o755)):
        assert (mode(path), path.stat().st_uid) == (was, 0), path
    assert not (secret.parent / "web").exists()
    assert f"[daemon.err] [/etc/qalqan/{name} is a link, which root does not follow" in ready.told()
    assert "instance" not in ready.told()


def test_a_link_that_root_made_is_followed_and_stays_root_s(ready: Router) -> None:
    (ready.root / "mnt/disk").mkdir(parents=True)
    link = ready.root / "etc/qalqan/state"
    link.symlink_to("/mnt/disk")
    for _ in range(2):
        ready.script("qalqan", "start")
        assert link.lstat().st_uid == 0
    assert (ready.root / "mnt/disk/web").stat().st_uid == PAGES_ID
    assert "instance [daemon]" in ready.told()


def test_a_link_in_place_of_a_file_gives_nothing(ready: Router) -> None:
    agree(ready)
    ready.config("firewall", OFFLOAD)
    secret = ready.write("etc/shadow", "root:secret\n")
    secret.chmod(0o600)
    (ready.root / "etc/qalqan/qalqan.yaml").unlink()
    for name in ("qalqan.yaml", "offload.firewall"):
        (ready.root / "etc/qalqan" / name).symlink_to("/etc/shadow")
    ready.script("qalqan", "start")
    assert (mode(secret), secret.stat().st_gid, secret.read_text()) == (0o600, 0, "root:secret\n")
    assert (ready.root / "etc/qalqan/offload.firewall").read_text() == "software\n"
    assert "instance [daemon]" in ready.told()


def test_without_its_user_the_daemon_stays_root_and_the_log_says_so(ready: Router) -> None:
    users = (ready.root / "etc/passwd").read_text()
    ready.write(
        "etc/passwd", "".join(line for line in users.splitlines(keepends=True) if "qalqan:" not in line)
    )
    ready.script("qalqan", "start")
    assert f"command {RUN} {HELP} [--keep-guard]\n" in ready.told()
    assert (
        "[daemon.warn] [the files of the daemon cannot belong to the user qalqan: it runs as root]"
        in ready.told()
    )
    assert "instance [web]" in ready.told()


def test_the_resolver_of_help_lines_is_an_instance_in_a_jail(ready: Router) -> None:
    ready.install_jail()
    done = ready.script("qalqan", "start")
    assert done.stderr == ""
    assert same_as_golden(ready.told(), "start-with-jail")
    folder = ready.root / "tmp/run/qalqan-help"
    assert (mode(folder), folder.stat().st_uid) == (0o755, DAEMON_ID)


def test_without_a_jail_the_resolver_is_still_an_instance_of_its_own_user(ready: Router) -> None:
    ready.script("qalqan", "start")
    instance = ready.told().partition("instance [help]\n")[2].partition("  instance")[0]
    assert "user [qalqan-help]\n" in instance
    assert "jail" not in instance


def test_without_its_user_the_daemon_runs_the_resolver(ready: Router) -> None:
    ready.install_jail()
    users = (ready.root / "etc/passwd").read_text().splitlines(keepends=True)
    ready.write("etc/passwd", "".join(line for line in users if "qalqan-help:" not in line))
    ready.script("qalqan", "start")
    assert "instance [help]" not in ready.told(), "procd would run it as root"
    assert "--help-service" not in ready.told()


def test_a_link_in_the_folder_of_the_resolver_gives_the_daemon_nothing(ready: Router) -> None:
    ready.install_jail()
    secret = ready.write("etc/shadow", "root:secret\n")
    secret.chmod(0o600)
    folder = ready.root / "tmp/run/qalqan-help"
    folder.mkdir()
    (folder / "help.conf").symlink_to("/etc/shadow")
    ready.script("qalqan", "start")
    ready.script("qalqan", "stop")
    assert (mode(secret), secret.stat().st_uid, secret.read_text()) == (0o600, 0, "root:secret\n")


def test_only_a_stop_deletes_what_the_resolver_serves(ready: Router) -> None:
    """After a restart it serves help lines until the new daemon does."""
    ready.install_jail()
    ready.script("qalqan", "start")
    file = ready.write("tmp/run/qalqan-help/help.conf", "# 1\n")
    for words in ("start", "reload", "restart", "shutdown"):
        ready.script("qalqan", words)
        assert file.exists(), words
    ready.script("qalqan", "stop")
    assert not file.exists()


def test_a_family_file_that_only_root_reads_is_read_by_the_pages_too(ready: Router) -> None:
    rules = ready.root / "etc/qalqan/qalqan.yaml"
    rules.chmod(0o600)
    ready.script("qalqan", "start")
    assert (mode(rules), rules.stat().st_uid, rules.stat().st_gid) == (0o640, DAEMON_ID, PAGES_ID)


def test_what_the_pages_kept_is_theirs_after_their_user_got_another_number(ready: Router) -> None:
    key = ready.write("etc/qalqan/state/web/session.key", "secret")
    os.chown(key, 12345, 12345)
    ready.script("qalqan", "start")
    assert (key.stat().st_uid, key.stat().st_gid) == (PAGES_ID, PAGES_ID)


def test_a_link_that_the_pages_made_gives_them_nothing(ready: Router) -> None:
    own = ready.root / "etc/qalqan/state/web"
    own.mkdir(parents=True)
    (own / "mine").symlink_to("/etc/passwd")
    (own / "folder").symlink_to("/etc/rc.d")
    ready.script("qalqan", "start")
    assert {ready.root.joinpath(one).stat().st_uid for one in ("etc/passwd", "etc/rc.d")} == {0}
    assert (own / "mine").lstat().st_uid == PAGES_ID


def test_pages_never_run_as_root_where_their_user_is_missing(ready: Router) -> None:
    ready.write("etc/passwd", "root:x:0:0::/root:/bin/ash\n")
    ready.script("qalqan", "start")
    assert "instance [web]" not in ready.told()
    assert "there is no user qalqan-web" in ready.told()


def test_a_familys_file_that_is_not_there_yet_is_the_daemons_to_write(ready: Router) -> None:
    (ready.root / "etc/qalqan/qalqan.yaml").unlink()
    done = ready.script("qalqan", "start")
    assert done.stderr == ""
    assert same_as_golden(ready.told(), "start")


# What the firewall offloads.


FILTERS = "tmp/run/qalqan/filters"  # what the daemon says: whether it filters a child


def agree(router: Router, *, child: bool = True) -> None:
    router.config("qalqan", router.config("qalqan").replace("'main'\n", f"'main'\n{YES}", 1))
    router.write(FILTERS, "yes\n" if child else "no\n")


@pytest.mark.parametrize("firewall", [OFFLOAD, HARDWARE])
def test_offload_of_the_firewall_stays_without_a_yes(ready: Router, firewall: str) -> None:
    ready.config("firewall", firewall)
    ready.write(FILTERS, "yes\n")
    ready.script("qalqan", "start")
    assert ready.config("firewall") == firewall
    assert "fw4 [-q]" not in ready.told()
    assert "[daemon.warn] [the firewall offloads connections past the rules;" in ready.told()


@pytest.mark.parametrize("answered", [True, False], ids=["no child", "no daemon yet"])
@pytest.mark.parametrize("firewall", [OFFLOAD, HARDWARE])
def test_offload_of_the_firewall_stays_until_a_child_is_filtered(
    ready: Router, firewall: str, answered: bool
) -> None:
    """Although there is a yes: an image of a provider may have it, for every router."""
    agree(ready, child=False)
    if not answered:
        (ready.root / FILTERS).unlink()
    ready.config("firewall", firewall)
    ready.write("tmp/run/fw4.state", "")
    for words in (("start",), ("reload",), ("restart",), ("stop",), ("start",)):
        ready.script("qalqan", *words)
        assert ready.config("firewall") == firewall, words
    assert "fw4 [-q]" not in ready.told()
    assert "offloads connections past the rules" not in ready.told()
    assert "command [/usr/lib/qalqan/firewall-offload] [/var/run/qalqan/filters]" in ready.told()


def test_without_a_child_and_a_yes_the_firewall_is_no_matter_of_ours(ready: Router) -> None:
    ready.config("firewall", HARDWARE)
    ready.write(FILTERS, "no\n")
    ready.script("qalqan", "start")
    assert ready.config("firewall") == HARDWARE
    assert "flow offloading" not in ready.told()
    assert "offloads connections past the rules" not in ready.told()
    assert "firewall-offload" not in ready.told()


def test_offload_of_the_firewall_returns_with_the_last_child(ready: Router) -> None:
    agree(ready)
    ready.config("firewall", HARDWARE)
    ready.script("qalqan", "start")
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "0"
    ready.write(FILTERS, "no\n")
    ready.script("qalqan", "start")
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "1"
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading_hw") == "1"


def test_a_boot_leaves_a_taken_offload_taken(ready: Router) -> None:
    """The daemon has not said yet whether it filters a child: nothing changes until then."""
    agree(ready)
    ready.config("firewall", OFFLOAD)
    ready.script("qalqan", "start")
    (ready.root / FILTERS).unlink()
    ready.script("qalqan", "boot")
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "0"


@pytest.mark.parametrize(
    ("firewall", "kept", "hardware", "ours"),
    [(OFFLOAD, "software", "0", "auto"), (HARDWARE, "hardware", "1", "hardware")],
)
def test_offload_of_the_firewall_is_taken_on_request_and_given_back_by_a_stop(
    ready: Router, firewall: str, kept: str, hardware: str, ours: str
) -> None:
    agree(ready)
    ready.config("firewall", firewall)
    ready.write("tmp/run/fw4.state", "")
    ready.script("qalqan", "start")
    assert same_as_golden(ready.told(), f"start-offload-{kept}")
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "0"
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading_hw") == "0"
    assert ready.uci("get", "qalqan.main.offload") == ours

    for words in (("start",), ("restart",), ("shutdown",)):
        ready.forget()
        ready.script("qalqan", *words)
        assert "uci" not in ready.told(), words  # nothing left to do, and a restart gives nothing back

    ready.forget()
    ready.script("qalqan", "stop")
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "1"
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading_hw") == hardware
    assert "fw4 [-q] [reload]" in ready.told()


def test_offload_that_is_switched_on_later_is_taken_too(ready: Router) -> None:
    agree(ready)
    ready.script("qalqan", "start")
    ready.config("firewall", OFFLOAD)
    ready.script("qalqan", "reload")
    assert ready.uci("get", "qalqan.main.offload") == "auto"
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "0"


def test_an_off_of_the_users_own_stays(ready: Router) -> None:
    ready.config("qalqan", f"config qalqan 'main'\n\toption offload 'off'\n{YES}")
    ready.write(FILTERS, "yes\n")
    ready.config("firewall", OFFLOAD)
    ready.script("qalqan", "start")
    assert ready.uci("get", "qalqan.main.offload") == "off"
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "0"


def test_a_firewall_that_is_not_up_yet_is_not_loaded_again(ready: Router) -> None:
    agree(ready)
    ready.config("firewall", OFFLOAD)
    ready.script("qalqan", "start")
    assert "fw4" not in ready.told().replace("flow offloading", "")


@pytest.mark.parametrize("change", [("enabled '1'", "enabled '0'"), (YES, "")])
def test_switching_the_filter_off_or_taking_the_yes_back_gives_offload_back(
    ready: Router, change: tuple[str, str]
) -> None:
    agree(ready)
    ready.config("firewall", HARDWARE)
    ready.script("qalqan", "start")
    ready.config("qalqan", ready.config("qalqan").replace(*change, 1))
    ready.script("qalqan", "reload")
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "1"
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading_hw") == "1"


def test_a_stop_for_an_upgrade_gives_no_offload_back(ready: Router) -> None:
    """The package manager stops the service before a removal, and before an upgrade in its old form."""
    agree(ready)
    ready.config("firewall", OFFLOAD)
    ready.script("qalqan", "start")
    ready.shell("/etc/init.d/qalqan stop", PKG_UPGRADE="1")
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "0"
    ready.script("qalqan", "stop")
    ready.config("qalqan", ready.config("qalqan").replace("enabled '1'", "enabled '0'", 1))
    assert ready.uci("get", "firewall.@defaults[0].flow_offloading") == "1"


# How it ends, and how it is told to read again.


@pytest.fixture
def daemon(ready: Router) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the daemon's place, which writes down SIGHUP and needs a while for SIGTERM."""
    program = (
        "import signal, time\n"
        "signal.signal(signal.SIGHUP, lambda *_: print('hup', flush=True))\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), print('saved', flush=True), exit()))\n"
        "print('ready', flush=True)\n"
        "while True:\n    signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        ready.write("tmp/run/qalqan-daemon.pid", f"{process.pid}\n")
        yield process
        process.kill()


def heard(daemon: subprocess.Popen[bytes]) -> bytes:
    assert daemon.stdout is not None
    return daemon.stdout.readline()


@pytest.fixture
def listening(ready: Router) -> Iterator[None]:
    path = ready.root / "tmp/run/qalqan/control.sock"
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as sock:
        where = os.open(path.parent, os.O_DIRECTORY)
        sock.bind(f"/proc/self/fd/{where}/{path.name}")
        os.close(where)
        yield


@pytest.mark.usefixtures("listening")
def test_reload_tells_procd_and_has_the_daemon_read_its_rules(
    ready: Router, daemon: subprocess.Popen[bytes]
) -> None:
    ready.script("qalqan", "reload")
    assert same_as_golden(ready.told(), "start")
    assert heard(daemon) == b"hup\n"


def test_a_daemon_that_is_about_to_start_gets_no_signal(
    ready: Router, daemon: subprocess.Popen[bytes]
) -> None:
    """It would end of it. It has no socket yet."""
    ready.script("qalqan", "reload")
    daemon.send_signal(signal.SIGTERM)
    assert heard(daemon) == b"saved\n"


@pytest.mark.usefixtures("listening")
def test_reload_where_nothing_runs_starts_it(ready: Router) -> None:
    done = ready.script("qalqan", "reload")
    assert done.stderr == ""
    assert same_as_golden(ready.told(), "start")


OPENED = "nft [delete] [table] [inet] [qalqan]\nnft [delete] [table] [bridge] [qalqan]\n"


def through(ready: Router, daemon: subprocess.Popen[bytes], *words: str, **environment: str) -> str:
    """What is told in all where the daemon runs. procd's part is played here: it sends the signal once it is
    told that the service has no such instance, and until the daemon has ended nothing follows.
    """
    env = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", **environment}
    with subprocess.Popen(["chroot", ready.root, "/etc/init.d/qalqan", *words], env=env) as script:
        assert until(lambda: {"delete [qalqan]", "set"} & set(ready.told().splitlines()), 2.0) is not None
        before = ready.told()
        assert script.poll() is None
        assert ready.told() == before
        daemon.terminate()
        assert heard(daemon) == b"saved\n"
        daemon.wait()
        assert until(lambda: script.poll() is not None, 3.0) is not None
    assert script.returncode == 0
    return ready.told()


def test_stop_opens_the_line_once_the_daemon_has_left_the_guard(
    ready: Router, daemon: subprocess.Popen[bytes]
) -> None:
    guard = ready.write("tmp/run/qalqan-guard/guard.nft", "table inet qalqan { }\n")
    assert through(ready, daemon, "stop") == f"delete [qalqan]\n{OPENED}"
    assert not guard.exists()


def test_switching_it_off_opens_the_line_once_the_daemon_has_left_the_guard(
    ready: Router, daemon: subprocess.Popen[bytes]
) -> None:
    ready.config("qalqan", "config qalqan 'main'\n\toption enabled '0'\n\toption offload 'off'\n")
    assert through(ready, daemon, "reload").endswith(f"set\n{OPENED}")


@pytest.mark.parametrize(
    ("words", "environment"), [("restart", {}), ("shutdown", {}), ("stop", {"PKG_UPGRADE": "1"})]
)
def test_what_a_start_follows_leaves_the_guard(
    ready: Router, daemon: subprocess.Popen[bytes], words: str, environment: dict[str, str]
) -> None:
    told = through(ready, daemon, words, **environment)
    assert "delete [qalqan]\n" in told
    assert "nft" not in told
    assert ("instance [daemon]" in told) is (words == "restart")


def test_stop_opens_the_line_where_the_daemon_is_gone(ready: Router) -> None:
    ready.write("tmp/run/qalqan-daemon.pid", "999999\n")
    guard = ready.write("tmp/run/qalqan-guard/guard.nft", "table inet qalqan { }\n")
    ready.script("qalqan", "stop")
    assert ready.told() == f"delete [qalqan]\n{OPENED}"
    assert not guard.exists()


def test_stop_ends_the_guards_resolver_and_no_other_process(ready: Router) -> None:
    with subprocess.Popen(["sleep", "60"]) as other, subprocess.Popen(["sleep", "61"]) as resolver:
        ready.write(f"proc/{resolver.pid}/cmdline", "dnsmasq\0-C\0/etc/qalqan/state/guard-names.conf\0")
        ready.write(f"proc/{other.pid}/cmdline", "sleep\x0060\0")
        for process in (other, resolver):
            ready.write("tmp/run/qalqan/guard-names.pid", f"{process.pid}\n")
            ready.script("qalqan", "stop")
        try:
            assert until(lambda: resolver.poll() is not None, 1.0) is not None
            assert other.poll() is None
        finally:
            other.kill()
            resolver.kill()


def test_an_upgrade_starts_the_new_program_and_an_installation_once(ready: Router) -> None:
    script = ". /usr/lib/opkg/info/qalqan.postinst-pkg"
    for told in ({}, {"PKG_UPGRADE": "1", "IPKG_INSTROOT": "/image"}):
        ready.shell(script, **told)
        assert ready.told() == ""
    ready.shell(script, PKG_UPGRADE="1")
    assert ready.told().index("delete [qalqan]") < ready.told().index("instance [daemon]")


def test_an_upgrade_of_both_packages_restarts_the_service_once(ready: Router, tmp_path: Path) -> None:
    """By the scripts that apk runs. The pages' instance is of the same service, which runs again by then."""
    packages = {package.name: package for package in read(FEED / "qalqan/Makefile", tmp_path / "facts")}
    scripts = [of_apk(packages[name])["post-upgrade"] for name in ("qalqan", "qalqan-web")]
    ready.write("lib/apk/packages/qalqan.list", "/etc/init.d/qalqan\n/etc/init.d/qalqan-guard\n")
    for script in scripts:
        done = ready.shell(script)
        assert (done.returncode, done.stderr) == (0, "")
    told = ready.told()
    assert told.count("delete [qalqan]") == 1
    assert "instance [web]" in told.rpartition("delete [qalqan]")[2]
    ready.forget()
    ready.shell(scripts[1])
    assert "delete" not in ready.told(), "the pages alone: procd compares the instances"
    assert "instance [web]" in ready.told()


@pytest.mark.parametrize("name", ["qalqan-mqtt", "qalqan-usp"])
def test_an_upgrade_restarts_a_service_of_its_own(ready: Router, tmp_path: Path, name: str) -> None:
    packages = {package.name: package for package in read(FEED / "qalqan/Makefile", tmp_path / "facts")}
    ready.write(f"lib/apk/packages/{name}.list", f"/etc/init.d/{name}\n")
    ready.config("qalqan", LAN + "config usp 'usp'\n\toption vendor 'isp.example'\n")
    scripts = of_apk(packages[name])
    assert ready.shell(scripts["post-install"]).stderr == ""
    assert f"delete [{name}]" not in ready.told()
    ready.forget()
    done = ready.shell(scripts["post-upgrade"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "instance [" in ready.told().partition(f"delete [{name}]")[2]


def test_it_starts_behind_the_network_and_ends_before_the_file_systems(ready: Router) -> None:
    links = sorted(path.name for path in (ready.root / "etc/rc.d").iterdir())
    assert links == ["K88qalqan", "S18qalqan-guard", "S21qalqan"]


def test_home_automation_is_a_service_of_its_own(ready: Router) -> None:
    done = ready.script("qalqan-mqtt", "start")
    assert (done.returncode, done.stderr) == (0, "")
    assert same_as_golden(ready.told(), "start-mqtt")


def test_home_automation_runs_only_with_its_settings(ready: Router) -> None:
    command = ["chroot", str(ready.root), "/usr/lib/qalqan/home-automation", "/etc/qalqan/qalqan.yaml"]
    with subprocess.Popen(command, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}) as script:
        assert within(lambda: ready.told(), 1.0) is None
        ready.write("etc/qalqan/qalqan.yaml", "country: kz\nmqtt: {address: 192.168.1.5, token_file: /t}\n")
        assert script.wait(longest(6.0)) == 0  # it looks every five seconds
    assert ready.told() == "qalqan [mqtt] [--log] [procd]\n"


def test_home_automation_without_its_user_does_not_run_as_root(ready: Router) -> None:
    ready.write("etc/passwd", "root:x:0:0::/root:/bin/ash\n")
    ready.script("qalqan-mqtt", "start")
    assert "instance" not in ready.told()
    assert "home automation is not started" in ready.told()
