"""The installed package on a machine that boots, as the gateway of the lab's home: units, users, rights.

The machine boots once. Before each test, a fixture brings it to the state that the test needs.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.debian.booted import Booted
from tests.debian.overlay import Overlay
from tests.lab import clients, names
from tests.lab.filtering import ALLOWED, BLOCKED, CUT, REFUSED, fetch, film, is_explained
from tests.lab.fixtures import home
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.pace import longest

__all__ = ["home"]

EXAMINED_AFTER = 30.0  # seconds, at most; here 3 to 11 on a quiet machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.lab,
    pytest.mark.needs("systemd-nspawn"),
    pytest.mark.needs("/usr/lib/python3/dist-packages/netfilterqueue"),
]

CONFIG = (
    f"lan: [{names.LAN}]\ncountry: kz\ntimezone: Asia/Almaty\nunknown_devices: home\nlists: {{update: off}}\n"
    "metrics: {textfile: true}\n"
)
DAUGHTER = f"""name: Daughter
band: 10-12
devices: ["{names.TABLET.mac}"]
block: ["service:tiktok", {BLOCKED}]
bedtime: {{}}
"""
UNITS = "qalqan-mqtt.path qalqan-mqtt qalqan-web qalqan qalqan-guard qalqan-nat"
# Ends all units, and deletes what tests wrote and what the daemon stored.
RESET = f"""
systemctl stop {UNITS}
rm -rf /run/systemd/system/qalqan.service.d /run/looked /tmp/qalqan.prom
find /etc/qalqan /var/lib/qalqan -mindepth 1 -delete
systemd-tmpfiles --create qalqan.conf
systemctl daemon-reload
systemctl reset-failed
"""
WATCHDOG_S = 3
NAMES = """no-resolv
no-hosts
bind-dynamic
user=nobody
port=5399
pid-file=/run/qalqan/guard-names.pid
address=/help.test/192.0.2.7
"""
NAT = "table inet qalqan_nat {\n chain postrouting {\n }\n}\n"
GUARD = "table inet qalqan\ndelete table inet qalqan\ntable inet qalqan {\n chain guarded {\n }\n}\n"


@pytest.fixture(scope="module")
def booted(home: Home, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with Overlay(tmp_path_factory.mktemp("overlay")) as overlay:
        file = overlay.put(package)
        with Booted(overlay, home.gateway) as machine:
            machine.run("dpkg", "--install", file)
            yield machine


def install(machine: Booted, package: Path) -> None:
    machine.run("dpkg", "--install", f"/root/{package.name}")


def set_up(machine: Booted) -> None:
    machine.write("/etc/qalqan/qalqan.yaml", CONFIG)
    machine.write("/etc/qalqan/profiles/daughter.yaml", DAUGHTER)
    machine.run("systemctl", "start", "qalqan", "qalqan-web")


@pytest.fixture
def installed(booted: Booted, package: Path) -> Booted:
    """The machine with the package, which is not set up."""
    booted.run("dpkg", "--purge", "qalqan")
    install(booted, package)
    return booted


@pytest.fixture
def machine(booted: Booted, package: Path) -> Booted:
    """The machine as it is set up for the daughter, whose daemon and pages have just started."""
    if booted.run("test", "-e", "/usr/bin/qalqan", check=False).returncode:
        install(booted, package)
    booted.run("sh", "-ec", RESET)
    set_up(booted)
    return booted


@pytest.fixture
def tablet(home: Home) -> Namespace:
    return home.devices["tablet"]


def refused(device: Namespace, host: str = REFUSED) -> bool:
    return fetch(device, f"https://{host}/", 4).how in CUT


def test_installed_and_not_set_up_it_changes_nothing(installed: Booted, tablet: Namespace) -> None:
    assert installed.active("qalqan", "qalqan-web", "qalqan-guard") == ["inactive"] * 3
    assert installed.shown("qalqan", "ConditionResult") == "no"
    assert "table inet qalqan" not in installed.tables()
    assert fetch(tablet, f"https://{REFUSED}/", 4).reached


def test_set_up_it_filters_the_child(installed: Booted, tablet: Namespace, home: Home) -> None:
    set_up(installed)
    assert installed.active("qalqan", "qalqan-web") == ["active"] * 2
    assert "table inet qalqan" in installed.tables()
    assert refused(tablet)
    assert is_explained(clients.dig(tablet, REFUSED))
    assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
    # A device has the child's rules for the first seconds, until it is examined.
    deadline = time.monotonic() + longest(EXAMINED_AFTER)
    while not fetch(home.devices["parent"], f"https://{REFUSED}/", 4).reached:
        assert time.monotonic() < deadline


def test_the_daemon_is_a_user_of_its_own_with_two_rights(machine: Booted) -> None:
    status = machine.run("cat", f"/proc/{machine.pid('qalqan')}/status").stdout
    rows = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    uid = machine.run("id", "--user", "qalqan").stdout.strip()
    assert set(rows["Uid"].split()) == {uid} != {"0"}
    both = f"{(1 << 12) | (1 << 13):016x}"  # CAP_NET_ADMIN, CAP_NET_RAW
    assert [rows[one] for one in ("CapEff", "CapPrm", "CapBnd", "CapAmb")] == [both] * 4
    assert rows["NoNewPrivs"] == "1"


def test_it_counts_its_queues_and_tells_what_is_wrong_though_it_is_not_root(machine: Booted) -> None:
    assert "packets" in machine.run("qalqan", "status").stdout
    uid = (
        "--reuid=qalqan",
        "--regid=qalqan",
        "--clear-groups",
        "--ambient-caps=+net_admin",
        "--inh-caps=+net_admin",
    )
    found = machine.run("setpriv", *uid, "qalqan", "check", check=False).stdout
    assert "ok offload: " in found
    assert "without root" not in found


def test_it_is_accepted(machine: Booted) -> None:
    """But for what the overlay of this machine is."""
    done = machine.run("qalqan", "acceptance", "--json", check=False)
    found = {entry["about"]: entry for entry in json.loads(done.stdout)["results"]}
    for line in ("daemon", "queue", "flow table", "memory", "lists", "filter"):
        assert found[line]["level"] != "error", found[line]
    assert found["filter"]["level"] == "ok", found["filter"]


def test_a_node_exporter_can_read_the_metrics(machine: Booted) -> None:
    machine.run("ln", "-s", "/run/qalqan/metrics.prom", "/tmp/qalqan.prom")
    text = machine.run("runuser", "-u", "nobody", "--", "cat", "/tmp/qalqan.prom").stdout
    assert "qalqan_queue_packets_total " in text


def test_a_scan_finds_who_is_at_home(machine: Booted) -> None:
    assert " answered" in machine.run("qalqan", "device", "scan").stdout


def test_the_pages_answer_as_a_user_without_any_right(machine: Booted, tablet: Namespace) -> None:
    status = machine.run("cat", f"/proc/{machine.pid('qalqan-web')}/status").stdout
    rows = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(rows["Uid"].split()) == {machine.run("id", "--user", "qalqan-web").stdout.strip()}
    assert {rows[one] for one in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {f"{0:016x}"}
    url = f"http://{names.GATEWAY_IPV4}:8080/my"
    Booted.wait_for(lambda: "Daughter" in clients.curl(tablet, url).body)


def test_home_automation_runs_and_reads_changed_settings_in_its_sandbox(machine: Booted) -> None:
    closed = "mqtt: {address: 127.0.0.1, port: 9, token_file: /etc/qalqan/token}\n"
    machine.write("/etc/qalqan/qalqan.yaml", CONFIG + closed)
    machine.run("systemctl", "start", "qalqan-mqtt")

    def logged(words: str) -> bool:
        return words in machine.run("journalctl", "--no-pager", "--unit=qalqan-mqtt").stdout

    Booted.wait_for(lambda: logged("The MQTT broker 127.0.0.1:9 cannot be reached"))
    machine.write("/etc/qalqan/qalqan.yaml", CONFIG)
    Booted.wait_for(lambda: logged("it keeps what it has stored"))
    assert machine.active("qalqan-mqtt") == ["active"]
    machine.run("systemctl", "stop", "qalqan-mqtt")


def test_a_parent_turns_home_automation_on_and_off_without_a_console(machine: Booted) -> None:
    """As the pages do: the daemon, which may start no service, writes a file that a unit waits for."""
    machine.run("qalqan", "guardian", "add", "Mum")
    assert machine.active("qalqan-mqtt.path", "qalqan-mqtt") == ["active", "inactive"]
    _ask_home_automation(machine, action="set", address="127.0.0.1", port=9, label="Home automation")
    Booted.wait_for(lambda: machine.active("qalqan-mqtt") == ["active"])
    owner = machine.run("stat", "--format=%U %G %a", "/etc/qalqan/mqtt.token").stdout
    assert owner == "qalqan qalqan-web 640\n"
    Booted.wait_for(lambda: "'unreachable'" in _ask_home_automation(machine, action="show"))
    machine.run("systemctl", "restart", "qalqan")
    Booted.wait_for(lambda: machine.active("qalqan-mqtt.path", "qalqan-mqtt") == ["active"] * 2)
    # Only a process that has read its settings ends when they are removed.
    Booted.wait_for(lambda: "'unreachable'" in _ask_home_automation(machine, action="show"))
    _ask_home_automation(machine, action="off")
    Booted.wait_for(lambda: machine.active("qalqan-mqtt") == ["inactive"])
    assert machine.active("qalqan-mqtt.path") == ["active"]
    machine.run("test", "!", "-e", "/etc/qalqan/mqtt.token")


def _ask_home_automation(machine: Booted, **values: object) -> str:
    program = f"""import sys
sys.path.insert(0, "/usr/lib/qalqan")
from pathlib import Path
from gateway.control.client import Client
from gateway.control.contract.home_automation import HOME_AUTOMATION
answer = Client(Path("/run/qalqan/control.sock")).ask(HOME_AUTOMATION, by="Mum", **{values!r})
print([repr(answer.on), answer.state])
"""
    return machine.run("python3", "-B", "-c", program).stdout


def test_the_pages_user_reaches_the_socket_and_no_secret(machine: Booted) -> None:
    for path in ("/var/lib/qalqan/qalqan.db", "/var/lib/qalqan/label", "/etc/qalqan/profiles/daughter.yaml"):
        done = machine.run("runuser", "-u", "qalqan-web", "--", "cat", path, check=False)
        assert "Permission denied" in done.stderr, path
    nobody = machine.run("runuser", "-u", "nobody", "--", "qalqan", "status", check=False)
    assert nobody.returncode == 1
    hidden = machine.run("runuser", "-u", "nobody", "--", "cat", "/etc/qalqan/qalqan.yaml", check=False)
    assert "Permission denied" in hidden.stderr


def test_a_rule_that_root_wrote_is_taken_and_can_be_replaced_by_the_daemon(
    machine: Booted, tablet: Namespace
) -> None:
    machine.write("/etc/qalqan/profiles/daughter.yaml", DAUGHTER.replace(f", {BLOCKED}", ""))
    machine.run("systemctl", "reload", "qalqan")
    Booted.wait_for(lambda: fetch(tablet, f"https://{BLOCKED}/", 4).reached)
    machine.write("/etc/qalqan/profiles/daughter.yaml", DAUGHTER)
    machine.run("systemctl", "reload", "qalqan")
    Booted.wait_for(lambda: refused(tablet, BLOCKED))
    machine.run("qalqan", "device", "assign", names.NEW.mac, "daughter")
    owner = machine.run("stat", "--format=%U", "/etc/qalqan/profiles/daughter.yaml").stdout
    assert owner == "qalqan\n"


def test_the_pages_start_anew_and_the_filter_goes_on(machine: Booted, tablet: Namespace) -> None:
    before = machine.pid("qalqan")
    machine.run("systemctl", "restart", "qalqan-web")
    assert machine.pid("qalqan") == before
    assert refused(tablet, BLOCKED)


def test_a_killed_daemon_comes_back_and_its_rules_stay_meanwhile(machine: Booted, tablet: Namespace) -> None:
    times = ("RestartUSec", "RestartSteps", "RestartMaxDelayUSec", "WatchdogUSec", "TimeoutStartUSec")
    assert [machine.shown("qalqan", time) for time in times] == ["1s", "6", "1min", "30s", "3min"]
    before = machine.pid("qalqan")
    machine.run("systemctl", "kill", "--signal=KILL", "qalqan")
    assert "table inet qalqan" in machine.tables()
    assert not fetch(tablet, f"https://{BLOCKED}/", 4, timeout=2).reached  # 10-12 is closed without a daemon
    Booted.wait_for(
        lambda: machine.pid("qalqan") not in (0, before) and machine.active("qalqan") == ["active"]
    )
    assert refused(tablet, BLOCKED)


def test_a_healthy_time_sets_the_restart_delay_back(machine: Booted) -> None:
    machine.run("systemctl", "kill", "--signal=KILL", "qalqan")
    Booted.wait_for(lambda: machine.shown("qalqan", "NRestarts") != "0")
    Booted.wait_for(lambda: machine.active("qalqan") == ["active"])
    assert machine.active("qalqan-healthy.timer") == ["active"]
    began = machine.pid("qalqan")
    machine.run("systemctl", "start", "qalqan-healthy.service")  # too early: nothing has run for ten minutes
    assert machine.shown("qalqan", "NRestarts") != "0"
    machine.run("/usr/lib/qalqan/service-healthy", "0", "qalqan.service", "qalqan-web.service")
    assert machine.shown("qalqan", "NRestarts") == "0"
    assert machine.pid("qalqan") == began


def test_a_stop_between_a_kill_and_the_next_start_removes_the_table(
    machine: Booted, tablet: Namespace
) -> None:
    slow = "/run/systemd/system/qalqan.service.d/slow.conf"
    machine.write(slow, "[Service]\nRestartSec=60\nRestartMaxDelaySec=60\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "kill", "--signal=KILL", "qalqan")
    Booted.wait_for(lambda: machine.shown("qalqan", "SubState") == "auto-restart")
    assert "table inet qalqan" in machine.tables()
    machine.run("systemctl", "stop", "qalqan")
    assert "table inet qalqan" not in machine.tables()
    assert fetch(tablet, f"https://{BLOCKED}/", 4).reached
    assert machine.run("pgrep", "--full", "help.conf", check=False).stdout == ""
    machine.run("rm", slow)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "qalqan")
    assert refused(tablet, BLOCKED)


def test_a_daemon_that_hangs_is_bitten_by_the_watchdog(machine: Booted, tablet: Namespace) -> None:
    machine.write("/run/systemd/system/qalqan.service.d/quick.conf", f"[Service]\nWatchdogSec={WATCHDOG_S}\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "qalqan")
    before = machine.pid("qalqan")
    machine.run("kill", "-STOP", str(before))
    Booted.wait_for(
        lambda: machine.pid("qalqan") not in (0, before) and machine.active("qalqan") == ["active"]
    )
    assert "Watchdog timeout" in machine.run("journalctl", "--unit=qalqan", "--no-pager").stdout
    assert refused(tablet, BLOCKED)


def test_a_start_that_hangs_is_ended_and_tried_again(machine: Booted, tablet: Namespace) -> None:
    """The first start waits for a minute; one has three minutes for it, and three seconds here."""
    file, once = "/run/systemd/system/qalqan.service.d/hanging.conf", "/run/qalqan/hung"
    hang = f"ExecStartPre=/bin/sh -c '[ -e {once} ] || {{ touch {once}; exec sleep 60; }}'"
    machine.write(file, f"[Service]\nTimeoutStartSec=3\n{hang}\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "qalqan", check=False)
    Booted.wait_for(lambda: machine.active("qalqan") == ["active"])
    assert "operation timed out" in machine.run("journalctl", "--unit=qalqan", "--no-pager").stdout
    machine.run("rm", file, once)
    machine.run("systemctl", "daemon-reload")
    assert refused(tablet, BLOCKED)


@contextmanager
def table_stays(machine: Booted) -> Iterator[None]:
    """Look for the nftables table all the time meanwhile: it is never gone."""
    done = "/run/looked"
    watch = (
        f"until [ -e {done} ]; do nft list table inet qalqan >/dev/null 2>&1 || echo gone; sleep 0.05; done"
    )
    looking = subprocess.Popen(machine.command(["sh", "-c", watch]), stdout=subprocess.PIPE)
    try:
        yield
        assert looking.poll() is None
    finally:
        machine.write(done, "")
        found = looking.communicate(timeout=10)[0]
    assert found == b""


def test_an_upgrade_keeps_the_rules_and_starts_both_anew(
    machine: Booted, tablet: Namespace, package: Path
) -> None:
    before = {machine.pid("qalqan"), machine.pid("qalqan-web")}
    with table_stays(machine):
        install(machine, package)
    assert machine.active("qalqan", "qalqan-web") == ["active"] * 2
    assert before.isdisjoint({machine.pid("qalqan"), machine.pid("qalqan-web")})
    assert refused(tablet, BLOCKED)


def test_a_restart_leaves_no_moment_without_rules(machine: Booted, tablet: Namespace) -> None:
    with table_stays(machine), film(tablet, ALLOWED, 4) as running:
        assert running.started()
        for _ in range(2):
            machine.run("systemctl", "restart", "qalqan")
            assert refused(tablet, BLOCKED)
        assert running.flows()


def test_the_guard_is_not_laid_over_a_table_that_stands(machine: Booted) -> None:
    """As after a kill: systemd starts it with the next daemon, where no start of the machine has."""
    machine.run("systemctl", "stop", "qalqan-guard")
    machine.write("/var/lib/qalqan/guard.nft", GUARD)
    machine.run("systemctl", "start", "qalqan-guard")
    assert machine.active("qalqan-guard") == ["inactive"]
    assert "chain guarded" not in machine.run("nft", "list", "table", "inet", "qalqan").stdout


def test_stopped_it_takes_its_table_along_and_leaves_the_pages(machine: Booted, tablet: Namespace) -> None:
    machine.run("systemctl", "stop", "qalqan")
    assert "table inet qalqan" not in machine.tables()
    assert machine.active("qalqan-web") == ["active"]
    assert fetch(tablet, f"https://{BLOCKED}/", 4).reached


def test_the_guard_is_loaded_without_the_daemon_and_gives_way_to_it(
    machine: Booted, tablet: Namespace
) -> None:
    machine.run("systemctl", "stop", "qalqan", "qalqan-guard")
    machine.write("/var/lib/qalqan/guard.nft", GUARD)
    machine.write("/var/lib/qalqan/guard-names.conf", NAMES)
    machine.run("systemctl", "start", "qalqan-guard")
    assert "chain guarded" in machine.run("nft", "list", "table", "inet", "qalqan").stdout

    def resolver() -> str:
        """Return the process id of the guard's resolver, if it runs."""
        number = machine.run("cat", "/run/qalqan/guard-names.pid", check=False).stdout.strip()
        runs = number and machine.run("kill", "-0", number, check=False).returncode == 0
        return number if runs else ""

    Booted.wait_for(lambda: resolver() != "")
    number = resolver()
    machine.run("kill", "-KILL", number)
    Booted.wait_for(lambda: resolver() not in ("", number))
    number = resolver()
    status = machine.run("cat", f"/proc/{number}/status").stdout
    assert re.findall(r"^Cap(?:Prm|Eff|Amb):\t(\w+)$", status, re.MULTILINE) == ["0" * 16] * 3
    assert machine.run("ps", "--format=user=", f"--pid={number}").stdout.strip() == "qalqan"  # it can end it
    machine.run("systemctl", "start", "qalqan")
    assert "chain guarded" not in machine.run("nft", "list", "table", "inet", "qalqan").stdout
    assert refused(tablet, BLOCKED)


def test_translation_of_addresses_comes_again_whenever_debians_own_rules_are_loaded(machine: Booted) -> None:
    """Those begin with a flush of all tables: ours, which the daemon restores, and the lab's own too."""
    others = [
        machine.run("nft", "list", *one.split()).stdout for one in machine.tables() if "qalqan" not in one
    ]
    machine.run("systemctl", "start", "nftables")
    machine.write("/etc/qalqan/nat.nft", NAT)
    machine.run("systemctl", "restart", "qalqan")
    assert "table inet qalqan_nat" in machine.tables()
    for what in ("reload", "restart"):
        machine.run("systemctl", what, "nftables")
        # By a job of its own, for which this command does not wait.
        Booted.wait_for(lambda: {"table inet qalqan_nat", "table inet qalqan"} <= set(machine.tables()))
    machine.run("nft", "--file", "-", stdin="".join(others))


def test_purged_nothing_of_it_runs_and_nothing_is_left(machine: Booted, tablet: Namespace) -> None:
    machine.run("dpkg", "--purge", "qalqan")
    assert not [one for one in machine.tables() if "qalqan" in one]
    assert machine.run("pgrep", "--full", "qalqan", check=False).stdout == ""
    left = machine.run(
        "sh", "-c", "ls -d /etc/qalqan /var/lib/qalqan /run/qalqan /usr/lib/qalqan", check=False
    )
    assert left.stdout == ""
    assert fetch(tablet, f"https://{BLOCKED}/", 4).reached
