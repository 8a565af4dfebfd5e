"""Tunnels by their first bytes, on a port that answers everything: what real programs sent, from a device."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gateway.policy.values import Proto
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import DAUGHTER, FAMILIES, MUM, SON, Sniffer, address, fresh, python, until
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.wire import tunnel_vectors

pytestmark = pytest.mark.lab

FAR = "far.example.org"  # the tunnel's other end
OPEN = {**SON, "ways": dict.fromkeys(("vpn", "ssh", "proxy", "encrypted_dns"), "allow")}

# Each payload from a socket of its own to the echo; prints which came back.
ECHOES = """
import json, select, socket, sys, time
address, rows = sys.argv[1], json.loads(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
waiting, back = {}, set()
for number, (transport, payload) in enumerate(rows):
    data = bytes.fromhex(payload)
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    one = socket.socket(family, kind)
    try:
        one.settimeout(3)
        one.connect((address, 7))
        one.send(data)
    except OSError:
        continue
    waiting[one] = number, data
until = time.monotonic() + float(sys.argv[3])
while waiting and time.monotonic() < until:
    for one in select.select(list(waiting), [], [], 0.1)[0]:
        number, data = waiting.pop(one)
        try:
            answer = one.recv(4096)
            if answer and data.startswith(answer):  # the filter answers too
                back.add(number)
        except OSError:
            pass
print(json.dumps(sorted(back)))
"""
# A packet of an IP protocol without ports; the kernel writes its header.
BARE = """
import socket, sys, time
address, proto = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_RAW, proto) as raw:
    for _ in range(3):
        raw.sendto(bytes(40), (address, 0))
        time.sleep(0.1)
"""
GRE, ESP, L2TP3, SIX_IN_FOUR = 47, 50, 115, 41


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, {"daughter": DAUGHTER, "son": OPEN, "mum": MUM}) as started:
        yield started


def _back(
    device: Namespace, version: int, vectors: list[tunnel_vectors.Vector], wait: float = clients.PATIENCE_S
) -> set[str]:
    rows = json.dumps([(one.transport, one.payload.hex()) for one in vectors])
    found = json.loads(python(device, ECHOES, address(FAR, version), rows, str(wait)))
    return {str(vectors[number]) for number in found}


CLIENTS = [one for one in tunnel_vectors.VECTORS if one.side == "client" and one.proto is not Proto.DNS]


@FAMILIES
def test_every_tunnel_is_refused_on_a_port_that_says_nothing(
    home: Home, daemon: Daemon, tablet: Namespace, version: int
) -> None:
    before = daemon.client.call("status")["verdicts"]
    assert _back(tablet, version, CLIENTS, clients.SILENCE_S) == set()
    after = daemon.client.call("status")["verdicts"]
    for reason in ("vpn", "ssh", "proxy"):
        key = f"block:{reason}"
        assert after.get(key, 0) > before.get(key, 0), key


@FAMILIES
def test_where_the_family_opens_the_ways_and_for_adults_they_pass(
    home: Home, daemon: Daemon, version: int
) -> None:
    wanted = {str(one) for one in CLIENTS}
    for device in ("phone", "parent"):
        missing = wanted - _back(home.devices[device], version, CLIENTS)
        assert not missing, (device, missing)


@FAMILIES
@pytest.mark.parametrize("proto", [GRE, ESP, L2TP3, SIX_IN_FOUR])
def test_protocols_without_ports(home: Home, daemon: Daemon, version: int, proto: int) -> None:
    if version == 6 and proto == SIX_IN_FOUR:
        proto = 4  # IPv4 in IPv6
    seen = {}
    for device in ("tablet", "phone", "parent"):
        with Sniffer(home.internet, proto=proto) as sniffer:
            # Behind a NAT, two devices cannot have such a connection to one address.
            python(home.devices[device], BARE, address(f"{device}.{FAR}", version), str(proto))
        seen[device] = bool(sniffer.packets)
    assert seen == {"tablet": False, "phone": True, "parent": True}


CARRIER = "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"


@FAMILIES
def test_a_phone_calls_over_wifi_to_its_carrier_and_to_nobody_else(
    home: Home, daemon: Daemon, tablet: Namespace, version: int
) -> None:
    """The gateway resolves what a phone asks for: what another resolver says, or a hello, opens nothing."""
    carrier, qtype = address(CARRIER, version), "A" if version == 4 else "AAAA"

    def arrives(where: str) -> bool:
        with Sniffer(home.internet, proto=ESP) as sniffer:
            python(tablet, BARE, where, str(ESP))
        return bool(sniffer.packets)

    assert clients.dig(tablet, CARRIER, qtype).records == (carrier,)
    assert until(lambda: arrives(carrier), 12.0, 0.1) is not None  # what was refused is so for ten seconds
    assert not arrives(address(FAR, version))
    assert not arrives(address("epdg.epc.mnc002.mcc401.pub.3gppnetwork.org", version)), "nobody asked for it"


def test_why_of_a_tunnel(daemon: Daemon) -> None:
    told = daemon.client.call("why", device=names.TABLET.mac, to=address(FAR, 4), speaks="wireguard")
    assert (told["verdict"], told["reason"]) == ("block", "vpn")
    told = daemon.client.call("why", device=names.PHONE.mac, to=address(FAR, 4), speaks="wireguard")
    assert told["verdict"] == "allow"
