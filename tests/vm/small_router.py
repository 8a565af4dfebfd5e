"""`make vm ARGS=small`: a list update next to the daemon on a router with 128 MB and compressed swap.

The machine has what OpenWrt's zram-swap sets up: a swap of half the memory, compressed with lzo-rle, or with
zstd on a kernel without it. It runs the daemon without the pages. A child's device uses DNS and HTTP during
the whole update. The server of the lists is outside of the machine; its made-up lists have the sizes of the
published ones.
"""

from __future__ import annotations

import compileall
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.household.loading import load_product
from gateway.lists.sources import parse_sources
from gateway.policy.config.list_tiers import ListTier
from profiles import DATA
from tests.bench.updates import UPDATE, served
from tests.lab.home import ROOT
from tests.vm.debian import Kernel, VmError
from tests.vm.machine import Hardware, Machine

PART = "small"
# Debian's kernel takes 32 MB more than OpenWrt's. With this it reports 118 MB, as a router with 128 MB does.
MEMORY = "160M"
_TIMEOUT_S = 3600.0  # the machine is emulated
_STATE_MB = 64  # of the disk, as a router has flash
_CHILD = "02:00:00:00:00:0a"
_MODULES = (
    *("virtio_net", "virtio_blk", "ext4", "zram", "veth"),
    *("nf_tables", "nft_ct", "nft_limit", "nft_reject", "nft_reject_inet", "nft_queue", "nfnetlink_queue"),
    *("nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nf_conntrack", "nf_conntrack_netlink"),
)

# A shell, and not Python: what measures must not take the memory itself.
_GUEST = """\
set -eu
modprobe -a {modules}
total=$(awk '/^MemTotal/ {{ print $2 }}' /proc/meminfo)
for algorithm in lzo-rle zstd lz4; do
	! grep -qw -e "$algorithm" /sys/block/zram0/comp_algorithm || break
done
echo "@swap $algorithm"
echo "$algorithm" > /sys/block/zram0/comp_algorithm
echo $((total / 2048))M > /sys/block/zram0/disksize
mkswap /dev/zram0 > /dev/null
swapon -p 100 /dev/zram0
mkdir -p /run/q
mount -t ext4 /dev/vda /run/q
mkdir /run/q/profiles
printf '%s' {settings} > /run/q/qalqan.yaml
printf '%s' {profile} > /run/q/profiles/child.yaml
echo nameserver 127.0.0.1 > /etc/resolv.conf

ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
mkdir -p /etc/netns/child
echo nameserver 192.168.77.1 > /etc/netns/child/resolv.conf
ip netns add child
ip netns add internet
ip link add lan0 type veth peer name eth0 netns child
ip link add wan0 type veth peer name eth0 netns internet
ip addr add 192.168.77.1/24 dev lan0
ip addr add 203.0.113.1/24 dev wan0
ip link set lan0 up
ip link set wan0 up
ip -n child link set eth0 address {child}
ip -n child addr add 192.168.77.2/24 dev eth0
ip -n child link set eth0 up
ip -n child route add default via 192.168.77.1
ip -n internet addr add 203.0.113.5/24 dev eth0
ip -n internet link set eth0 up
ip -n internet route add default via 203.0.113.1
echo 1 > /proc/sys/net/ipv4/ip_forward
mkdir /run/www
echo reached > /run/www/index.html
ip netns exec internet busybox httpd -p 80 -h /run/www
dnsmasq --no-hosts --no-resolv --address=/#/203.0.113.5 --interface=lo --interface=lan0 --bind-interfaces \\
	--pid-file=/run/dnsmasq.pid

value() {{ awk -v key="$2:" '$1 == key {{ print $2 }}' "$1"; }}
sample() {{
	echo "@sample $1 $(value /proc/meminfo MemAvailable) \\
$(($(value /proc/meminfo SwapTotal) - $(value /proc/meminfo SwapFree))) \\
$(value /proc/$daemon/status VmRSS) $(value /proc/$daemon/status VmSwap)"
}}
try() {{
	if ip netns exec child busybox wget -q -T 10 -O - http://allowed.example/ | grep -q reached; then
		echo "@allowed reached"
	else
		echo "@allowed failed"
	fi
	if ip netns exec child busybox nslookup pornhub.com 192.168.77.1 | grep -q 203.0.113.5; then
		echo "@blocked reached"
	else
		echo "@blocked refused"
	fi
}}

echo "@total $total"
export PYTHONDONTWRITEBYTECODE=1
{python} -m gateway run --config /run/q/qalqan.yaml > /run/daemon.log 2>&1 &
daemon=$!
for _ in $(seq 120); do
	! grep -q "ready:" /run/daemon.log || break
	sleep 1
done
try
sleep 15
sample rest
began=$(date +%s)
{update} > /run/update.log 2>&1 &
update=$!
while kill -0 $update 2> /dev/null; do
	try
	sample update
	sleep 1
done
status=0
wait $update || status=$?
cat /sys/block/zram0/mm_stat | sed 's/^/@zram /'
echo "@update $status $(($(date +%s) - began))"
sed 's/^/@said /' /run/update.log
sleep 15
try
sample after
kill -0 $daemon && echo "@daemon runs"
dmesg | grep -iE 'out of memory|oom-kill|oom_reaper' | sed 's/^/@oom /' || true
tail -n 5 /run/daemon.log | sed 's/^/@log /'
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory in kB: of the machine, and the daemon's resident and swapped memory."""

    when: str
    available: int
    swapped: int
    daemon_resident: int
    daemon_swapped: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the machine printed, with the ids of the lists that it downloaded."""

    lines: tuple[str, ...]
    requested: frozenset[str]
    expected: frozenset[str]

    def words(self, kind: str) -> list[str]:
        """Return the rest of each line of a kind, such as ``allowed``."""
        return [line.partition(" ")[2] for line in self.lines if line.partition(" ")[0] == f"@{kind}"]

    @property
    def samples(self) -> list[Sample]:
        rows = (words.split() for words in self.words("sample"))
        return [Sample(when, *map(int, numbers)) for when, *numbers in rows]

    def failures(self) -> Iterator[str]:
        """Yield what went wrong; nothing if the update ran to its end next to a daemon that filtered."""
        update = (self.words("update") or ["has not ended"])[0].split()
        if update[0] != "0":
            yield f"the update failed: {' '.join(update)}: {' / '.join(self.words('said')[-3:])}"
        if self.words("oom"):
            yield f"the kernel killed a process: {self.words('oom')[0]}"
        if self.words("daemon") != ["runs"]:
            yield f"the daemon has ended: {' / '.join(self.words('log'))}"
        for kind, right in (("allowed", "reached"), ("blocked", "refused")):
            wrong = sum(word != right for word in self.words(kind))
            if wrong or not self.words(kind):
                yield f"of {len(self.words(kind))} attempts to open an {kind} name, {wrong} went wrong"
        if self.requested != self.expected:
            yield f"it downloaded {sorted(self.requested)}, and the tier small has {sorted(self.expected)}"

    def report(self) -> Iterator[str]:
        """Yield a line for each figure."""
        samples = self.samples
        during = [sample for sample in samples if sample.when == "update"] or samples
        yield f"memory of the machine, as its kernel counts: {int(self.words('total')[0]) / 1000:.0f} MB"
        for sample in (sample for sample in samples if sample.when != "update"):
            yield (
                f"{sample.when}: {sample.available / 1000:.0f} MB available, daemon "
                f"{sample.daemon_resident / 1000:.1f} MB resident and {sample.daemon_swapped / 1000:.1f} MB "
                f"swapped, swap {sample.swapped / 1000:.1f} MB"
            )
        low, swap = min(s.available for s in during), max(s.swapped for s in during)
        whole = max(s.daemon_resident + s.daemon_swapped for s in during)
        yield (
            f"update: {' s, '.join(reversed(self.words('update')[0].split()))} as exit status; at least "
            f"{low / 1000:.0f} MB available, at most {swap / 1000:.1f} MB swapped, the daemon at most "
            f"{whole / 1000:.1f} MB resident and swapped"
        )
        yield f"attempts of the child's device: {len(self.words('allowed'))} of each kind"


def boot(kernel: Kernel, busybox: Path, console: Path, memory: str = MEMORY) -> Outcome:
    """Run the update in a machine with ``memory``, and return what it printed."""
    published = parse_sources(
        DATA.joinpath("sources.yaml").read_bytes(), "sources.yaml", load_product().categories
    )
    small = frozenset(key for key, one in published.items() if ListTier.SMALL.includes(one.tier))
    # The machine cannot write bytecode here, and would keep it in its memory.
    compileall.compile_dir(ROOT / "gateway", quiet=1)
    requested: set[str] = set()
    with tempfile.TemporaryDirectory() as name, served(published, requested=requested) as server:
        disk = Path(name) / "disk"
        subprocess.run(["truncate", "-s", f"{_STATE_MB}M", str(disk)], check=True)
        subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
        hardware = Hardware(
            memory,
            "max",
            ("tcg,thread=multi",),
            (
                *("-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net"),
                *("-drive", f"file={disk},format=raw,if=virtio"),
            ),
        )
        address = server.replace("127.0.0.1", "10.0.2.2")  # this machine's loopback, as QEMU shows it
        machine = Machine(kernel, busybox, ["sh", "-c", _guest(address)], ROOT, console, hardware)
        with closing(machine.run(_TIMEOUT_S)) as lines:
            printed = tuple(_shown(lines))
    return Outcome(printed, frozenset(requested), small)


def _shown(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith(("@sample", "@allowed", "@blocked")):
            print(line, flush=True)
        yield line


def _guest(server: str) -> str:
    settings = {
        "lan": ["lan0"],
        "state": "/run/q/state",
        "runtime": "/run/q/run",
        "profiles": "/run/q/profiles",
        "leases": "/run/q/leases",
        "country": "kz",
        "lists": {"update": "off"},  # the tier is the one that fits the memory
    }
    profile = {"name": "Child", "band": "10-12", "devices": [_CHILD], "bedtime": {}}
    update = [sys.executable, "-c", UPDATE, server, "/run/q/qalqan.yaml", "--steps"]
    return _GUEST.format(
        modules=" ".join(_MODULES),
        settings=shlex.quote(yaml.safe_dump(settings)),
        profile=shlex.quote(json.dumps(profile)),
        child=_CHILD,
        python=shlex.quote(sys.executable),
        update=shlex.join(update),
    )


def run(kernel: Kernel, busybox: Path, console: Path) -> int:
    """Print the figures and what went wrong; return the exit status."""
    began = time.monotonic()
    outcome = boot(kernel, busybox, console)
    failures: Sequence[str] = list(outcome.failures())
    if not outcome.samples:
        raise VmError(f"the machine measured nothing: {' / '.join(outcome.lines[-3:])}")
    print(*outcome.report(), *(f"FAIL {failure}" for failure in failures), sep="\n")
    print(f"All of it, {time.monotonic() - began:.0f} s.")
    return 1 if failures else 0
