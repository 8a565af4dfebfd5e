"""The .deb over a copy of this machine, with Debian's own modules: installed, tried, removed, purged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian.overlay import Overlay
from tests.lab.home import ROOT

pytestmark = [
    pytest.mark.needs("root"),
    pytest.mark.needs("dh"),
    pytest.mark.needs("pybuild"),
    pytest.mark.needs("/usr/lib/python3/dist-packages/netfilterqueue"),
]

UNITS = (
    "qalqan",
    "qalqan-web",
    "qalqan-guard",
    "qalqan-nat",
    "qalqan-table",
    "qalqan-healthy",
    "qalqan-mqtt",
    "qalqan-usp",
    "qalqan-rollout",
)
INSTALLS = "qalqan-rollout"  # has apt's rights, since it runs apt
TIMERS = ("qalqan-healthy", "qalqan-rollout")
MOST_EXPOSED = 2.5  # of systemd-analyze's ten
CONFIG = "lan: [br-lan]\ncountry: kz\ntimezone: Asia/Almaty\nlists: {update: off}\n"
DAUGHTER = (
    'name: Daughter\nband: 10-12\ndevices: ["02:00:00:00:00:0a"]\nblock: ["service:tiktok"]\nbedtime: {}\n'
)
# A package manager's own notes, and the users, which outlive a purge.
NOTES = ("var/lib/dpkg/", "var/log/", "var/cache/", "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow",
         "etc/.pwd.lock", "var/lib/systemd/deb-systemd-helper-enabled", "root/")  # fmt: skip
OTHERS = ("/etc/dnsmasq.d", "/etc/sysctl.d")  # folders of other packages


@pytest.fixture(scope="module")
def machine(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overlay]:
    """With the package installed, and not set up."""
    with Overlay(tmp_path_factory.mktemp("overlay")) as overlay:
        overlay.run("mkdir", "-p", *OTHERS)
        overlay.run("dpkg", "--install", overlay.put(package))
        yield overlay


@pytest.fixture
def configured(machine: Overlay) -> Overlay:
    machine.write("/etc/qalqan/qalqan.yaml", CONFIG)
    machine.write("/etc/qalqan/profiles/daughter.yaml", DAUGHTER)
    return machine


def test_debian_is_content_with_what_it_needs(machine: Overlay) -> None:
    said = machine.run("dpkg", "--status", "qalqan").stdout
    assert "Status: install ok installed\n" in said
    assert machine.run("dpkg", "--audit").stdout == ""


def test_nothing_is_in_force_before_it_is_set_up(machine: Overlay) -> None:
    """No setting of the kernel, none of dnsmasq, no configuration; the services wait for one."""
    changed = strange(machine)
    settings = [path for path in changed if "sysctl" in path or "dnsmasq" in path]
    assert settings == ["usr/share/qalqan/dnsmasq.conf", "usr/share/qalqan/sysctl.conf"]
    assert [path for path in changed if path.startswith("etc/qalqan") and path.endswith(".yaml")] == []
    for unit in UNITS:
        text = machine.run("cat", f"/usr/lib/systemd/system/{unit}.service").stdout
        condition = "/etc/qalqan/nat.nft" if unit == "qalqan-nat" else "/etc/qalqan/qalqan.yaml"
        assert f"\nConditionPathExists={condition}\n" in text, unit


def test_each_folder_has_its_owner(machine: Overlay) -> None:
    folders = ("/etc/qalqan", "/etc/qalqan/profiles", "/var/lib/qalqan", "/var/lib/qalqan/web")
    said = machine.run("stat", "--format=%n %A %U %G", *folders).stdout.splitlines()
    assert said == [
        "/etc/qalqan drwxr-s--- qalqan qalqan-web",
        "/etc/qalqan/profiles drwx------ qalqan qalqan",
        "/var/lib/qalqan drwx--x--x qalqan qalqan",
        "/var/lib/qalqan/web drwx------ qalqan-web qalqan-web",
    ]


def test_the_command_works_without_a_configuration(machine: Overlay) -> None:
    assert machine.run("qalqan", "--version").stdout == "qalqan 0.1.0\n"
    refused = machine.run("qalqan", "check", check=False)
    assert refused.returncode == 1
    assert "error config: /etc/qalqan/qalqan.yaml: does not exist" in refused.stdout


def test_check_and_why_work_with_debians_modules_alone(configured: Overlay) -> None:
    found = json.loads(configured.run("qalqan", "check", "--json", check=False).stdout)["findings"]
    wrong = [
        one for one in found if one["level"] == "error" and one["about"] not in ("lan", "uplink", "queue")
    ]
    assert wrong == []
    assert any(one["about"] == "profile" and "daughter" in one["text"] for one in found)
    told = json.loads(configured.run("qalqan", "why", "tiktok.com", "--profile", "daughter", "--json").stdout)
    assert (told["verdict"], told["reason"], told["rule"]) == (
        "block",
        "family_block",
        "block: service:tiktok",
    )


def test_what_somebody_has_lying_about_is_not_run(configured: Overlay) -> None:
    """Nor by what the command starts: a folder named like one of ours, where root stands."""
    configured.run("mkdir", "-p", "/root/gateway")
    configured.write("/root/gateway/__init__.py", "raise SystemExit('run')\n")
    done = configured.run("sh", "-c", "cd /root && qalqan --version && qalqan lists build")
    assert "names of" in done.stdout
    for code in (
        "import gateway.cli.main",
        "import sys; sys.argv = ['x']; import runpy; runpy.run_module('gateway.household.calendar_parser')",
    ):
        said = configured.run(
            "sh", "-c", f'cd /root && PYTHONPATH=/usr/lib/qalqan PYTHONSAFEPATH=1 python3 -c "{code}"'
        )
        assert said.stderr == ""


def test_the_table_of_lists_is_the_daemons_whoever_builds_it(configured: Overlay) -> None:
    configured.run("qalqan", "lists", "build")
    owners = configured.run("find", "/var/lib/qalqan", "-type", "f", "-printf", "%U %u %p\\n").stdout
    assert {line.split()[1] for line in owners.splitlines()} == {"qalqan"}


def test_a_new_database_and_a_calendar_are_read_with_debians_libraries(configured: Overlay) -> None:
    """Of which some are older than what other tests have: sqlite-utils, icalendar."""
    database = (
        "import sqlite3; from gateway.store.migrations import MIGRATIONS, migrate, version;"
        "c = sqlite3.connect(':memory:', isolation_level=None); migrate(c);"
        "print(version(c) == len(MIGRATIONS))"
    )
    environment = ("env", "PYTHONPATH=/usr/lib/qalqan")
    assert configured.run(*environment, "python3", "-c", database).stdout == "True\n"
    calendar = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261102\r\n"
        "RRULE:FREQ=WEEKLY;COUNT=2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    command = (
        *environment,
        "python3",
        "-P",
        "-m",
        "gateway.household.calendar_parser",
        "2026-11-01",
        "2026-11-30",
    )
    assert json.loads(configured.run(*command, stdin=calendar).stdout) == {
        "days": ["2026-11-02", "2026-11-09"]
    }


def test_dnsmasqs_hook_ends_well_and_says_nothing(machine: Overlay) -> None:
    done = machine.run("/usr/lib/qalqan/dhcp-event", "add", "02:00:00:00:00:0a", "192.168.77.10", "tablet")
    assert (done.stdout, done.stderr) == ("", "")


def test_systemd_finds_no_fault_in_the_units(machine: Overlay) -> None:
    names = [f"{unit}.service" for unit in UNITS] + [f"{timer}.timer" for timer in TIMERS]
    paths = [f"/usr/lib/systemd/system/{name}" for name in (*names, "qalqan-mqtt.path")]
    done = machine.run("systemd-analyze", "verify", "--man=no", *paths)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "qalqan" in line]
    assert ours == []


def test_roll_outs_are_off_until_the_provider_switches_them_on(machine: Overlay) -> None:
    asked = ("systemctl", "is-enabled", "qalqan-rollout.timer")
    assert machine.run(*asked, check=False).stdout == "disabled\n"
    machine.run("systemctl", "enable", "qalqan-rollout.timer")
    assert machine.run(*asked).stdout == "enabled\n"
    machine.run("systemctl", "disable", "qalqan-rollout.timer")


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit != INSTALLS])
def test_a_unit_is_exposed_little(machine: Overlay, unit: str) -> None:
    path = f"/usr/lib/systemd/system/{unit}.service"
    argv = ("systemd-analyze", "--offline=yes", "--json=short", "security", path)
    done = machine.run(*argv, f"--threshold={round(10 * MOST_EXPOSED)}", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_unit_has_a_right_but_over_the_network_and_the_pages_none() -> None:
    rights = {}
    for unit in UNITS:
        text = (ROOT / f"debian/qalqan.{unit}.service").read_text()
        rights[unit] = [
            line.partition("=")[2].split()
            for line in text.splitlines()
            if line.startswith("CapabilityBoundingSet=")
        ]
    assert rights == {
        "qalqan": [["CAP_NET_ADMIN", "CAP_NET_RAW"]], "qalqan-web": [[]],
        "qalqan-guard": [["CAP_NET_ADMIN"]], "qalqan-nat": [["CAP_NET_ADMIN"]],
        "qalqan-table": [["CAP_NET_ADMIN", "CAP_KILL", "CAP_DAC_OVERRIDE"]],  # on files of the daemon
        "qalqan-healthy": [[]], "qalqan-mqtt": [[]], "qalqan-usp": [[]], INSTALLS: [],
    }  # fmt: skip


def test_removed_it_keeps_the_rules_and_purged_it_leaves_nothing(configured: Overlay) -> None:
    """The last one here: the package is gone afterwards."""
    configured.run("qalqan", "lists", "build")
    configured.run("mkdir", "-p", "/run/qalqan", "/var/lib/qalqan-rollout")
    configured.run("touch", "/var/lib/qalqan-rollout/taken")
    for name, place in (("dnsmasq", "qalqan.conf"), ("sysctl", "90-qalqan.conf")):
        configured.run("ln", "-s", f"/usr/share/qalqan/{name}.conf", f"/etc/{name}.d/{place}")
    configured.run("dpkg", "--remove", "qalqan")
    left = strange(configured)
    assert {"etc/qalqan/profiles/daughter.yaml", "var/lib/qalqan/categories.table"} <= set(left)
    kept = (
        "etc/qalqan",
        "var/lib/qalqan",
        "etc/systemd/system/multi-user.target.wants/",
    )  # which units are enabled
    assert [path for path in left if not path.startswith(kept)] == []
    configured.run("dpkg", "--purge", "qalqan")
    assert strange(configured) == []
    assert "qalqan-web:" in configured.run("cat", "/etc/passwd").stdout


def strange(machine: Overlay) -> list[str]:
    """What is not as it was before the package came."""
    others = {place.removeprefix("/") for place in OTHERS}
    return [path for path in machine.changed() if not path.startswith(NOTES) and path not in others]
