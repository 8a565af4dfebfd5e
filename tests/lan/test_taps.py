"""What the kernel hands over of a LAN, with real frames; and the bounds on it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.netns import stopping
from tests.lan.lan import DEVICE_MAC, ROOT, Cable

CLAIMS = """
import signal, sys
from gateway.core.loop import Loop
from gateway.lan.own_addresses import read_own_addresses
from gateway.lan.taps import Taps
loop = Loop()
taps = Taps(loop, ["lan0"], lambda *_: None, lambda mac: print(mac, flush=True))
taps.follow()
print("ready", flush=True)
sys.stdin.readline()
own = read_own_addresses(["lan0"])
taps.watch(own)
print(len(own.ips["lan0"]), flush=True)
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
while not over:
    loop.run_once(0.1)
loop.run_once(0.2)
taps.close()
"""
LISTEN = """
import json, signal, sys
from gateway.core.loop import Loop
from gateway.lan.taps import Taps
loop = Loop()
woken = 0
def heard(mac, ifindex, said):
    print(json.dumps({"mac": mac, "address": said.address.hex(), "hop_limit": said.hop_limit,
        "dhcp": said.dhcp and [said.dhcp.hardware, said.dhcp.host_name, list(said.dhcp.options)],
        "mdns": said.mdns and [one[0] for one in said.mdns.hosts]}), flush=True)
taps = Taps(loop, ["lan0", "none0"], heard)
taps.follow()
taps.follow()
print("ready", flush=True)
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
while not over:
    loop.run_once(0.1)
end = loop.now() + 2.0  # what waits is still read: a second's rest, and some
while loop.now() < end:
    loop.run_once(0.1)
taps.close()
"""
pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    with Cable() as built:
        yield built


def heard(cable: Cable, code: str) -> list[dict[str, Any]]:
    """What is heard of it, however long it takes to be sent."""
    with stopping(cable.python(cable.gateway, LISTEN)) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == b"ready\n"
        lines: list[bytes] = []
        reader = threading.Thread(target=lambda: lines.extend(listener.stdout or ()))
        reader.start()
        cable.send(code)
        listener.terminate()
        reader.join(20.0)
    assert listener.returncode == 0
    return [json.loads(line) for line in lines]


def test_dhcp_and_multicast_dns_of_both_families_and_nothing_else(cable: Cable) -> None:
    told = heard(
        cable,
        """
mac = bytes.fromhex("02000000000a")
asks = [("message-type", "discover"), ("hostname", "tablet"), ("param_req_list", [1, 3, 6]), "end"]
discover = DHCP(options=asks)
question = DNS(qd=[DNSQR(qname="a.local")])
bootp = IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
out(bootp / BOOTP(chaddr=mac) / discover)
out(Ether(src="02:00:00:00:00:0a", dst="ff:ff:ff:ff:ff:ff") / Dot1Q(prio=3, vlan=0)  # a priority alone
    / bootp / BOOTP(chaddr=bytes.fromhex("02000000000b")) / discover)  # as through a repeater
out(IPv6(src="fe80::5", dst="ff02::1:2") / UDP(sport=546, dport=547) / DHCP6_Solicit()
    / DHCP6OptClientFQDN(fqdn="six"))
answer = DNS(qr=1, qd=[], an=[DNSRR(rrname="tablet.local", type="A", rdata="192.168.77.10", ttl=120)])
out(IP(src="192.168.77.10", dst="224.0.0.251", ttl=255) / UDP(sport=5353, dport=5353) / answer)
out(IPv6(src="fe80::5", dst="ff02::fb") / UDP(sport=5353, dport=5353) / answer)
# none of these: a question, a unicast answer, a server's message, a broken one, another VLAN's, a connection
# under way
out(IP(src="192.168.77.10", dst="224.0.0.251") / UDP(sport=5353, dport=5353) / question)
out(IP(src="192.168.77.10", dst="192.168.77.1") / UDP(sport=53, dport=5353) / answer)
out(bootp / BOOTP(op=2, chaddr=mac) / discover)
out(bootp / b"broken")
frame = Ether(src="02:00:00:00:00:0a", dst="ff:ff:ff:ff:ff:ff")
out(frame / Dot1Q(vlan=5) / bootp / BOOTP(chaddr=mac) / discover)
for _ in range(50):
    out(IP(src="192.168.77.10", dst="198.51.100.7") / TCP(dport=443, flags="A"))
    out(IPv6(src="2001:db8:77::10", dst="2001:db8::7") / TCP(dport=443, flags="PA") / b"x")
""",
    )
    told = [one for one in told if not one["hop_limit"]]
    assert [one["mac"] for one in told] == [DEVICE_MAC] * 5
    assert [one["dhcp"] for one in told] == [
        [DEVICE_MAC, "tablet", [1, 3, 6]],
        ["02:00:00:00:00:0b", "tablet", [1, 3, 6]],
        ["", "six", []],
        None,
        None,
    ]
    assert [one["mdns"] for one in told[3:]] == [["tablet"], ["tablet"]]
    assert told[3]["address"] == "c0a84d0a"


def test_some_beginnings_of_connections_tell_the_hop_limit(cable: Cable) -> None:
    told = heard(
        cable,
        """
for n in range(150):
    out(IP(src="192.168.77.10", dst="198.51.100.7", ttl=128) / TCP(sport=1024 + n, dport=443, flags="S"))
    out(IPv6(src="2001:db8:77::10", dst="2001:db8::7", hlim=64) / TCP(sport=1024 + n, dport=443, flags="S"))
""",
    )
    found = [(len(one["address"]) // 2, one["hop_limit"]) for one in told if one["hop_limit"]]
    assert set(found) == {(4, 128), (16, 64)}
    assert 10 <= len(found) <= 80, "one in eight"


def test_a_storm_is_taken_at_its_rate_and_what_comes_later_is_heard(cable: Cable) -> None:
    began = time.monotonic()
    told = heard(
        cable,
        """
answer = DNS(qr=1, qd=[], an=[DNSRR(rrname="storm.local", type="A", rdata="192.168.77.10", ttl=120)])
frame = Ether(src="02:00:00:00:00:0a", dst="01:00:5e:00:00:fb") / IP(src="192.168.77.10", dst="224.0.0.251")
frame = Ether(bytes(frame / UDP(sport=5353, dport=5353) / answer))
sendp(frame, iface="eth0", count=3000, verbose=0)
time.sleep(1.5)
answer.an[0].rrname = b"late.local."
out(IP(src="192.168.77.10", dst="224.0.0.251") / UDP(sport=5353, dport=5353) / answer)
""",
    )
    names = [one["mdns"][0] for one in told if one["mdns"]]
    seconds = time.monotonic() - began
    assert names.count("storm") < 200 * seconds
    assert names[-1] == "late"


def test_an_interface_that_comes_back_is_listened_to_again(cable: Cable) -> None:
    code = """
import subprocess
from gateway.core.loop import Loop
from gateway.lan.taps import Taps
def ip(text): subprocess.run(("ip link " + text).split(), check=True)
ip("add lan9 type veth peer name far9"); ip("set lan9 up"); ip("set far9 up")
loop = Loop()
taps = Taps(loop, ["lan9"], print)
taps.follow()
first = {tap.ifindex for tap in taps._taps.values()}
ip("del lan9")
loop.run_once(0.1); loop.run_once(0.1)
taps.follow()
assert not taps._taps
ip("add lan9 type veth peer name far9"); ip("set lan9 up"); ip("set far9 up")
taps.follow()
assert len(taps._taps) == 1 and first != {tap.ifindex for tap in taps._taps.values()}
taps.close()
print("done")
"""
    with stopping(cable.python(cable.gateway, code)) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"done\n"
    assert process.returncode == 0


def test_claims_of_the_gateways_addresses_alone(cable: Cable) -> None:
    """Of both IP versions, and none before the addresses are known."""
    code = """
def arp(op, ip, **more): return ARP(op=op, hwsrc="02:00:00:00:00:0a", psrc=ip, **more)
def sent(ip, **more): return IPv6(src=ip, dst="ff02::1", **more)
gateway4, gateway6, own = "192.168.77.1", "2001:db8:77::1", "2001:db8:77::10"
claims = [arp(2, gateway4), arp(1, gateway4, pdst=gateway4), arp(1, gateway4, pdst="192.168.77.10"),
    sent(gateway6) / ICMPv6ND_NA(tgt=gateway6), sent("fe80::5") / ICMPv6ND_NA(tgt=gateway6),
    sent(gateway6) / ICMPv6ND_NS(tgt=own), sent("fe80::aa01") / ICMPv6ND_RA()]
others = [arp(1, "192.168.77.10", pdst=gateway4), arp(2, "192.168.78.1"), sent(own) / ICMPv6ND_NA(tgt=own),
    sent(own) / ICMPv6ND_NS(tgt=gateway6), sent(gateway6) / ICMPv6EchoRequest(),
    ARP(op=2, hwsrc="02:00:00:00:aa:01", psrc=gateway4), sent("fe80::1:1") / ICMPv6ND_RA()]
"""
    cable.gateway.run(["ip", "addr", "add", "fe80::aa01/64", "dev", "lan0", "nodad"], check=True)
    listener = cable.gateway.popen([sys.executable, "-c", CLAIMS], cwd=ROOT, stdin=subprocess.PIPE)
    with stopping(listener):
        assert listener.stdin is not None
        assert listener.stdout is not None
        assert listener.stdout.readline() == b"ready\n"
        cable.send(code + "for frame in claims + others: out(frame)")
        listener.stdin.write(b"\n")
        listener.stdin.flush()
        assert int(listener.stdout.readline()) >= 3
        cable.send(code + "for frame in others + claims: out(frame)")
        listener.terminate()
        heard_of = listener.stdout.read().split()
    assert heard_of == [DEVICE_MAC.encode()] * 7
