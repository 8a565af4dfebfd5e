"""Many questions from one socket: each is judged, and answered from the address that was asked.

Only the first of them begins a connection; by the next one the kernel has translated its address.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, EXPLAINED, PROFILES, REFUSED, Arrivals, address, fresh, python
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

GOOGLE, SAFE_GOOGLE = "www.google.com", "forcesafesearch.google.com"
PAGES = "qalqan.home.arpa"
NOERROR = 0
PORT = 45678

# A connected socket takes answers from the address that it asked and from no other.
_ASK = """
import json, socket, struct, sys
port, resolver, *hosts = sys.argv[1:]
family = socket.AF_INET6 if ":" in resolver else socket.AF_INET
told = []
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    sock.settimeout(3)
    sock.bind(("", int(port)))
    sock.connect((resolver, 53))
    for number, host in enumerate(hosts, 1):
        name = b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\\0"
        sock.send(struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1))
        try:
            answer = sock.recv(2000)
        except TimeoutError:
            told.append([-1, ""])
            continue
        assert struct.unpack(">H", answer[:2])[0] == number
        told.append([answer[3] & 15, socket.inet_ntoa(answer[-4:]) if answer[7] else ""])
print(json.dumps(told))
"""

_NAT = """
table inet lab_away {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "{lan}" meta nfproto ipv4 udp dport 53 {rule4}
    iifname "{lan}" meta nfproto ipv6 udp dport 53 {rule6}
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "{wan}" masquerade
  }}
}}
"""
# As wg-quick does it for a tunnel that takes all traffic.
_MARKS = """
table inet lab_away {
  chain premangle {
    type filter hook prerouting priority mangle; policy accept;
    meta l4proto udp meta mark set ct mark
  }
}
"""


def _away(rule4: str, rule6: str) -> str:
    return _NAT.format(lan=names.LAN, wan=names.WAN, rule4=rule4, rule6=rule6)


AWAY = {
    "straight": "",
    "to the gateway": _away("redirect to :53", "redirect to :53"),
    "to another resolver": _away(f"dnat ip to {names.RESOLVER_IPV4}", f"dnat ip6 to {names.RESOLVER_IPV6}"),
    "marks restored": _MARKS,
}


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, PROFILES) as started:
        yield started


@pytest.fixture(params=AWAY)
def away(request: pytest.FixtureRequest, home: Home, daemon: Daemon) -> Iterator[None]:
    text = AWAY[request.param]
    if not text:
        yield
        return
    home.gateway.run(["nft", "-f", "-"], stdin=text, check=True)
    yield
    home.gateway.run(["nft", "delete", "table", "inet", "lab_away"], check=True)


def ask(device: Namespace, resolver: str, *hosts: str, port: int = 0) -> list[tuple[int, str]]:
    """Return response code and last address of each answer. ``port``: of the socket, 0 for a free one."""
    return [(code, found) for code, found in json.loads(python(device, _ASK, str(port), resolver, *hosts))]


def _connections(home: Home) -> str:
    """All UDP connections of the gateway, and how its neighbours are reached."""
    shown = "conntrack -L -p udp; conntrack -L -f ipv6 -p udp; ip neigh; ip -6 addr show br-lan"
    return home.gateway.run(["sh", "-c", shown]).stdout


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize(
    "resolver",
    [names.GATEWAY_IPV4, names.GATEWAY_IPV6, "8.8.8.8", "2001:4860:4860::8888"],
    ids=["gateway-4", "gateway-6", "foreign-4", "foreign-6"],
)
@pytest.mark.parametrize("key", ["tablet", "phone"])
def test_questions_of_one_socket(home: Home, key: str, resolver: str, arrivals: Arrivals) -> None:
    answers = ask(home.devices[key], resolver, ALLOWED, REFUSED, GOOGLE, PAGES, ALLOWED, REFUSED)
    assert [code for code, _ in answers] == [NOERROR] * 6, _connections(home)
    assert answers[1][1] == answers[5][1] == EXPLAINED
    assert answers[0][1] == answers[4][1] == address(ALLOWED, 4)
    assert answers[2][1] == address(SAFE_GOOGLE, 4)
    assert not arrivals.of("dns", REFUSED)
    assert not arrivals.of("dns", GOOGLE)


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize(
    "resolvers",
    [
        (names.GATEWAY_IPV4, "8.8.8.8"),
        (names.GATEWAY_IPV6, "2001:4860:4860::8888"),
        ("8.8.8.8", "8.8.4.4"),
        ("2001:4860:4860::8888", "2001:4860:4860::8844"),
    ],
    ids=["gateway-4", "gateway-6", "foreign-4", "foreign-6"],
)
def test_one_port_queries_two_resolvers(home: Home, resolvers: tuple[str, str]) -> None:
    """If both are redirected to the same place, only the first query of each shows which one it was for."""
    home.gateway.run(["conntrack", "-F"], check=True)
    for resolver in resolvers:
        answers = ask(home.devices["tablet"], resolver, ALLOWED, REFUSED, PAGES, port=PORT)
        assert [code for code, _ in answers] == [NOERROR] * 3, (resolver, _connections(home))


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("resolver", ["8.8.8.8", "2001:4860:4860::8888"], ids=["ipv4", "ipv6"])
def test_an_unfiltered_device_finds_the_pages_on_a_used_socket(home: Home, resolver: str) -> None:
    answers = ask(home.devices["parent"], resolver, REFUSED, PAGES, REFUSED)
    assert [code for code, _ in answers] == [NOERROR] * 3
    assert answers[0][1] == answers[2][1] == address(REFUSED, 4)
    assert answers[1][1] == "192.0.0.8"
