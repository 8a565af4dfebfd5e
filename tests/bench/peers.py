"""Beside Suricata 7 and dnsmasq, in one run: the same wires, the same traffic, the same names."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median

from tests.bench import lookups
from tests.bench.connections import added, connections, latencies
from tests.bench.figures import Figure, Settings, at_most, ratio
from tests.bench.memory import resident
from tests.bench.web import nginx
from tests.bench.wires import REFUSED_HOST, Wires, iperf, need, server
from tests.lab.netns import Namespace, stop

NAMES = 800_000
PATIENCE = 60.0  # seconds that a peer has to start

_SURICATA = """%YAML 1.1
---
vars:
  address-groups: {{HOME_NET: "[192.168.0.0/16]", EXTERNAL_NET: "any"}}
default-log-dir: {folder}
outputs: []
logging: {{default-log-level: error, outputs: [{{console: {{enabled: no}}}}]}}
nfq: {{mode: accept, fail-open: yes, batchcount: 20}}
app-layer: {{protocols: {{tls: {{enabled: yes, detection-ports: {{dp: 443}}}}}}}}
stream: {{inline: auto}}
max-pending-packets: 1024
default-rule-path: {folder}
rule-files: [peer.rules]
"""
_RULE = 'drop tls any any -> any any (tls.sni; content:"{host}"; endswith; nocase; sid:1; rev:1;)\n'
_QUEUE = ("-t", "mangle", "-A", "FORWARD", "-j", "NFQUEUE", "--queue-num", "0", "--queue-bypass")

Gateway = Callable[[], AbstractContextManager[int]]  # runs for as long as the block does; its process id


def measure(settings: Settings) -> Iterator[Figure]:
    need("suricata", "iptables-nft", "wrk", "iperf3", "dnsmasq")
    yield from _traffic(settings)
    yield from _names(settings)


def _traffic(settings: Settings) -> Iterator[Figure]:
    rounds, seconds = settings.times(5, 2), settings.times(3, 1)
    with (
        Wires() as wires,
        nginx(wires),
        server(wires.internet, ["iperf3", "-s"], 5201, log=wires.folder / "iperf.log"),
    ):
        wires.many_devices()

        @contextmanager
        def ours() -> Iterator[int]:
            with wires.filtered() as daemon:
                yield daemon.pid

        states: dict[str, Gateway] = {"Qalqan": ours, "Suricata": lambda: _suricata(wires)}
        runs = {name: _Run() for name in ("off", *states)}
        for _ in range(rounds):
            runs["off"].take(wires, seconds)
            for name, gateway in states.items():
                with gateway() as pid:
                    runs[name].take(wires, seconds)
                    runs[name].memory.append(resident(pid))
    yield from _compared(runs["off"], runs["Suricata"], runs["Qalqan"])


def _compared(off: _Run, theirs: _Run, own: _Run) -> Iterator[Figure]:
    """Suricata's figures, and ours with those as the mark. Waits have none: Suricata judges nothing here."""
    for what, *measured in (
        ("connections/s", off.rates, theirs.rates, own.rates),
        ("bulk", off.bulk, theirs.bulk, own.bulk),
    ):
        bare, mark, ours = map(median, measured)
        yield ratio(f"{what} on / off, Suricata", mark / bare)
        yield ratio(f"{what} on / off, Qalqan (mark: Suricata's)", ours / bare, mark / bare)
    yield from added("added to a handshake, Suricata", off.waits, theirs.waits)
    yield from added("added to a handshake, Qalqan in the same run", off.waits, own.waits)
    held = median(theirs.memory)
    yield at_most("resident, Suricata", held, "MB", None, "one rule")
    yield at_most("resident, Qalqan (mark: Suricata's)", median(own.memory), "MB", held)


class _Run:
    """What one gateway came to, over all rounds."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.waits: list[float] = []
        self.bulk: list[float] = []
        self.memory: list[float] = []

    def take(self, wires: Wires, seconds: float) -> None:
        self.rates.append(connections(wires, seconds))
        self.waits += latencies(wires, 200)
        self.bulk.append(iperf(wires.child, wires.address, seconds))


@contextmanager
def _suricata(wires: Wires) -> Iterator[int]:
    """Every forwarded packet to its queue, one rule that drops by the name in the hello."""
    folder = wires.folder / "suricata"
    folder.mkdir(exist_ok=True)
    (folder / "peer.rules").write_text(_RULE.format(host=REFUSED_HOST))
    configuration = folder / "suricata.yaml"
    configuration.write_text(_SURICATA.format(folder=folder))
    argv = ["suricata", "-c", str(configuration), "-q", "0", "-l", str(folder), "--runmode", "workers"]
    process = wires.gateway.popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: _listens(wires.gateway), process)
        wires.gateway.run(["iptables-nft", *_QUEUE], check=True)
        refused = ["curl", "-sk", "--max-time", "2", "-o", "/dev/null", f"https://{REFUSED_HOST}/"]
        if wires.child.run(refused).returncode == 0:
            msg = "Suricata does not refuse what its rule names"
            raise RuntimeError(msg)
        yield process.pid
    finally:
        wires.gateway.run(["iptables-nft", *("-D" if word == "-A" else word for word in _QUEUE)])
        stop(process)


def _listens(namespace: Namespace) -> bool:
    return bool(namespace.run(["cat", "/proc/net/netfilter/nfnetlink_queue"]).stdout.strip())


def _names(settings: Settings) -> Iterator[Figure]:
    """The same names in dnsmasq and in the daemon: what each costs, and how soon it answers."""
    count = NAMES // 10 if settings.quick else NAMES
    with Wires() as wires, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        lookups.write_lists(folder, count)
        listed = folder / "dnsmasq.conf"
        with listed.open("w") as out:
            for file in sorted(folder.glob("*.txt")):
                out.writelines(f"local=/{line.strip()}/\n" for line in file.open())
        bare, _ = _dnsmasq(wires.gateway, Path("/dev/null"))
        full, seconds = _dnsmasq(wires.gateway, listed)
        yield at_most("dnsmasq, a name", (full - bare) * 1e6 / count, "bytes", None, f"{count:,} names")
        yield at_most("dnsmasq, start with them", seconds, "s", None, f"{full:.0f} MB resident")
        lookups.build(folder)
        size = lookups.table_of(folder).stat().st_size
        with wires.filtered() as daemon:
            daemon.stop()
            lookups.table_of(folder).rename(lookups.table_of(daemon.state))
            daemon.start()
            held = resident(daemon.pid)
            a_name = (full - bare) * 1e6 / count
            yield at_most("Qalqan, a name (mark: dnsmasq's)", size / count, "bytes", a_name, "in the file")
            note = f"{held:.0f} MB resident"
            yield at_most("Qalqan, start with them", daemon.seconds_to_ready, "s", seconds, note)


def _dnsmasq(namespace: Namespace, names: Path) -> tuple[float, float]:
    """MB resident, and seconds until it answers."""
    argv = ["dnsmasq", "--keep-in-foreground", f"--conf-file={names}"]
    argv += ["--no-resolv", "--no-hosts", "--port=5300", "--pid-file=", "--user=root"]
    began = time.monotonic()
    process = namespace.popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        question = ["dig", "+tries=1", "+time=1", "-p", "5300", "@127.0.0.1", "none.example"]
        _until(lambda: namespace.run(question).returncode == 0, process)
        return resident(process.pid), time.monotonic() - began
    finally:
        stop(process)


def _until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            msg = f"{process.args!r} did not start"
            raise RuntimeError(msg)
        time.sleep(0.02)
