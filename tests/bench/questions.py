"""DNS questions a second: one worker's whole path, against a bare loop that accepts everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Settings, ratio

SECONDS = 3.0

_WORKER = """
import json, os, signal, socket, subprocess, sys, time
from datetime import UTC, datetime
from pathlib import Path
from netfilterqueue import NetfilterQueue

QUERY = (bytes.fromhex("123401000001000000000001") + b"\\x03www\\x07example\\x03org\\0"
         + bytes.fromhex("000100010000291000000000000000"))
SECONDS = float(sys.argv[2])

def sh(text):
    subprocess.run(text, shell=True, check=True)

sh("ip link set lo up")
# A verdict of ours is NF_REPEAT with another mark: what was in the queue is let by.
rule = "iptables-nft -t mangle -A PREROUTING -i lo -p udp --dport 53 -m mark --mark "
sh(rule + "0 -j MARK --set-mark 0x6")
sh(rule + "0x6 -j NFQUEUE --queue-num 8201")
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("127.0.0.1", 53))

def flood():
    pid = os.fork()
    if pid:
        return pid
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect(("127.0.0.1", 53))
    while True:
        try:
            for _ in range(64):
                out.send(QUERY)
        except OSError:
            pass

def bare():
    count = 0
    def accept(packet):
        nonlocal count
        count += 1
        packet.accept()
    queue = NetfilterQueue()
    queue.bind(8201, accept, 1024, 2, 3800, 2 << 20)
    pid = flood()
    began = time.monotonic()
    # It returns when the queue is empty, which may be long after.
    while time.monotonic() < began + SECONDS:
        queue.run(block=False)
    took = time.monotonic() - began
    os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
    queue.unbind()
    return count / took

def ours():
    from gateway.household import loading
    from gateway.dataplane.packets import PacketPath
    from gateway.kernel.marks import MarkLayout
    from gateway.core.loop import Loop
    from gateway.path.addresses import AddressBook
    from gateway.path.dns import DnsPath
    from gateway.path.flows import FlowPath
    from gateway.path.live_flows import LiveFlows
    from gateway.path.subject import Subject
    from gateway.policy.judge.decide import Judge
    from gateway.policy.time.schedule import Calendar
    from gateway.policy.time.time_rules import PLAIN
    from gateway.wire.flows.table import FlowTable
    from zoneinfo import ZoneInfo
    product = loading.load_product()
    file = Path(sys.argv[1]) / "child.yaml"
    file.write_text("name: Child\\nband: 10-12\\nbedtime: {}\\n")
    profile = loading.load_profile(file, product)
    judge = Judge(profile, product.world(("en",)), Calendar(ZoneInfo("UTC")))
    subject = Subject(1, "Child", lambda seen, at: judge.decide(seen, PLAIN, at), lambda gates: 1)
    heard = [0]
    def sink(subject, seen, decision, at):
        heard[0] += 1
    dns = DnsPath(pages=(), sentence=lambda seen, decision: "", sink=sink, book=AddressBook())
    flows = FlowPath(FlowTable(), LiveFlows(), sink=sink, refused_page=lambda seen, decision: "")
    loop = Loop()
    path = PacketPath(loop, MarkLayout(), 8200, ("lo",), flows=flows, dns=dns, subjects={1: subject},
                      wall=lambda: datetime.now(UTC), behind=lambda packet: None)
    path.bind(frozenset({1}))
    pid = flood()
    loop.call_later(SECONDS, loop.stop)
    loop.run()
    os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
    path.close()
    assert heard[0] > 100, heard
    return heard[0] / SECONDS

rounds = [(bare(), ours()) for _ in range(3)]
print(json.dumps({"bare": [one for one, _ in rounds], "ours": [one for _, one in rounds]}))
"""


def measure(settings: Settings) -> Iterator[Figure]:
    seconds = 1.0 if settings.quick else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        command = ["unshare", "-n", sys.executable, "-c", _WORKER, folder, str(seconds)]
        root = Path(__file__).resolve().parents[2]
        env = {**os.environ, "PYTHONPATH": str(root)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=env)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    rates = json.loads(done.stdout.splitlines()[-1])
    bare, ours = max(rates["bare"]), max(rates["ours"])
    yield ratio(
        "DNS questions/s, one worker / bare loop", ours / bare, 0.5, f"{ours:,.0f}/s, bare {bare:,.0f}/s"
    )
