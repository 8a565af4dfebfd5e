"""Every golden file is loaded as it stands: nft's own ``queue``, flow tables and updates too."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gateway.kernel.marks import QUEUES
from gateway.kernel.nft import explain
from gateway.kernel.ruleset.table import TABLE
from gateway.kernel.snapshot import QUEUE_BASE
from tests.kernel.home import NOT_IN_HARDWARE
from tests.lab.home import ROOT
from tests.lab.netns import Namespace
from tests.vm.report import Try

GOLDEN = ROOT / "tests" / "golden"
# An update changes a table that is there; its file names it in other words.
_BEFORE = {
    "update-child-to-family.nft": "one-child.nft",
    "update-offload-on.nft": "one-child.nft",
    "update-offload-devices.nft": "offload.nft",
    "update-offload-anew.nft": "offload.nft",
    "update-offload-off.nft": "offload.nft",
}
# No device here has a driver that offloads. A mistake in the text would get another error.
_IN_HARDWARE = "offload-hardware.nft"
_QUEUE = re.compile(r"\bqueue (?:flags \S+ )?to ")
_FLOWTABLE = re.compile(r"\bflow add @")


def points(empty: Namespace) -> Iterator[tuple[str, Try]]:
    """``empty`` has nothing but the interfaces that a flow table names."""
    for path in sorted(GOLDEN.glob("*.nft")):
        load = _refuse if path.name == _IN_HARDWARE else _load
        yield f"ruleset {path.stem}", partial(load, empty, path)
    yield "queue targets", partial(_targets, empty)
    yield "check finds offloading", partial(_offloads, empty)
    yield "check finds a VLAN that is not filtered", partial(_vlan, empty)


def _load(empty: Namespace, path: Path) -> str:
    text, stays = path.read_text("ascii"), ""
    try:
        if before := _BEFORE.get(path.name):
            whole = (GOLDEN / before).read_text("ascii")
            _nft(empty, whole)
            # One that fills every chain anew says all that is there afterwards.
            stays = "" if "flush chain inet qalqan forward" in text else whole
        _nft(empty, text)
        listed = empty.run(["nft", "list", "ruleset"], check=True).stdout
        assert "qalqan {" in listed
    finally:
        empty.run(["nft", "flush", "ruleset"], check=True)
    for statement in (_QUEUE, _FLOWTABLE):
        wanted = max(len(statement.findall(one)) for one in (text, stays))
        loaded = len(statement.findall(listed))
        assert wanted == loaded, f"{loaded} of {wanted} statements `{statement.pattern}` are in the kernel"
    seen = [f"{len(_QUEUE.findall(listed))} queue statements"] if _QUEUE.search(listed) else []
    return ", ".join([*seen, *(["a flow table"] if _FLOWTABLE.search(listed) else [])])


def _refuse(empty: Namespace, path: Path) -> str:
    text = path.read_text("ascii")
    done = empty.run(["nft", "-f", "-"], stdin=text)
    assert done.returncode != 0
    why = explain(text, done.stderr)
    assert NOT_IN_HARDWARE in why, why
    return "refused: no device offloads in hardware"


def _nft(empty: Namespace, text: str) -> None:
    done = empty.run(["nft", "-f", "-"], stdin=text)
    assert done.returncode == 0, explain(text, done.stderr)


_INSTALL = f"""
from gateway.kernel.fallback import TargetQueue, has_target
assert has_target()
queue = TargetQueue({QUEUE_BASE})
queue.install()
assert queue.intact()
"""


def _targets(empty: Namespace) -> str:
    """What takes the place of nft's own queue where a kernel has none."""
    try:
        _nft(empty, (GOLDEN / "family-fallback.nft").read_text("ascii"))
        empty.run([sys.executable, "-c", _INSTALL], check=True)
        listed = empty.run(["nft", "list", "table", *TABLE.split()], check=True).stdout
    finally:
        empty.run(["nft", "flush", "ruleset"], check=True)
    assert len(re.findall(r"NFQUEUE|queue num", listed)) == QUEUES, listed
    return f"{QUEUES} targets"


# As fw4 writes it where `flow_offloading` is on.
_FW4 = """table inet fw4 {
  flowtable ft {
    hook ingress priority 0
    devices = { lan0, wan }
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    meta l4proto { tcp, udp } flow offload @ft;
  }
}
"""
_CHECK = """
from gateway.check.lan import lan_findings
from gateway.check.rulesets import read_rules, rule_findings
from gateway.lan.machine import read_machine
from gateway.policy.config.config import Config
config = Config(lan=("lan0",))
for one in (*rule_findings(config, read_rules()), *lan_findings(config, read_machine())):
    print(one)
"""


def _offloads(empty: Namespace) -> str:
    """`qalqan check` reads it from what this kernel lists."""
    wanted = "error offload: table inet fw4 offloads connections in software past the rules: "
    try:
        _nft(empty, _FW4)
        return _told(empty, wanted)
    finally:
        empty.run(["nft", "flush", "ruleset"], check=True)


def _vlan(empty: Namespace) -> str:
    commands = (
        "link add link lan0 name lan0.7 type vlan id 7",
        "link set lan0 up",
        "link set lan0.7 up",
        "address add 192.168.7.1/24 dev lan0.7",
    )
    empty.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    try:
        for command in commands:
            empty.run(["ip", *command.split()], check=True)
        return _told(empty, "warning lan: lan0.7 is routed over IPv4 and is not in `lan`: ")
    finally:
        empty.run(["ip", "link", "delete", "lan0.7"])


def _told(empty: Namespace, wanted: str) -> str:
    told = empty.run([sys.executable, "-c", _CHECK], check=True).stdout
    assert any(line.startswith(wanted) for line in told.splitlines()), told
    return wanted.partition(": ")[2].rstrip(": ")
