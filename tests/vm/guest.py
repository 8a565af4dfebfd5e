"""What runs inside the virtual machine: every point, one after the other; exit status 1 when one fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from gateway.kernel.fallback import native_queue
from gateway.kernel.nft import Nft
from tests.lab.home import Home
from tests.lab.netns import Namespace, remove
from tests.vm import (
    acceptance,
    behaviour,
    bootguard,
    children,
    clock,
    flowtable,
    labfiles,
    rulesets,
    speed,
)
from tests.vm.patience import be_patient
from tests.vm.report import Report

# The kernel loads most of them by itself when a rule wants them; this way a missing one is told by name.
MODULES = (
    *("nf_tables", "nft_ct", "nft_limit", "nft_reject", "nft_reject_inet", "nft_queue", "nfnetlink_queue"),
    *("nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nf_conntrack", "nf_conntrack_netlink"),
    *("nf_flow_table", "nf_flow_table_inet", "nft_flow_offload"),
    *("nft_compat", "xt_mark", "xt_connmark", "xt_conntrack", "xt_NFQUEUE"),
    *("veth", "bridge", "8021q", "tun", "pppoe", "ip6_tunnel"),
)
PARTS: Mapping[str, Callable[[Home, Report], None] | None] = {
    "loaded": None,
    **dict.fromkeys(labfiles.FILES),
    speed.PART: None,
    "daemon": behaviour.run,
    "flowtable": flowtable.run,
    "guard": bootguard.run,
    children.PART: children.run,
    acceptance.PART: acceptance.run,
}
# Only when asked for: the first ones take longer than all others, the rest measures what the documents quote.
ALONE = frozenset({*labfiles.FILES, speed.PART, children.PART})


def main() -> int:
    report = Report(sys.stdout)
    wanted = sys.argv[1:] or [part for part in PARTS if part not in ALONE]
    report.head()
    report.point("the modules of the stock kernel", _load_modules)
    if "loaded" in wanted:
        _loaded(report)
    for part in labfiles.FILES:
        if part in wanted:
            report.begin(part)
            for name, attempt in labfiles.points(part):
                report.point(name, attempt)
    be_patient()
    if speed.PART in wanted:
        speed.run(report)
    if any(PARTS[part] is not None for part in wanted):
        _at_home(wanted, report)
    return report.close()


def _at_home(wanted: list[str], report: Report) -> None:
    home = Home()
    try:
        if report.point("the virtual home", lambda: _start(home)):
            for part, run in PARTS.items():
                if part in wanted and run is not None:
                    run(home, report)
    finally:
        home.close()


def _loaded(report: Report) -> None:
    report.begin("what is loaded")
    with _empty_namespace() as empty:
        for name, attempt in rulesets.points(empty):
            report.point(name, attempt)
    report.point("nft's own queue is found", _native_queue)
    for name, attempt in clock.points():
        report.point(name, attempt)


def _load_modules() -> str:
    done = subprocess.run(["modprobe", "-a", *MODULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    release = subprocess.run(["uname", "-r"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{len(MODULES)} of {release}"


def _native_queue() -> str:
    nft = Nft()
    try:
        assert native_queue(nft) is True, "the probe takes this kernel for one without it"
        return f"asked by {nft.backend}"
    finally:
        nft.close()


def _start(home: Home) -> str:
    home.start()
    return f"stands after {home.seconds_to_start:.1f} s"


@contextmanager
def _empty_namespace() -> Iterator[Namespace]:
    made = Namespace("rulesets")
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    try:
        made.run(["ip", "link", "add", "lan0", "type", "veth", "peer", "name", "wan"], check=True)
        yield made
    finally:
        remove([made.name])


if __name__ == "__main__":
    sys.exit(main())
