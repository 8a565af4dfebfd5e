"""DNS over TCP to two resolvers from one port of a device, as its system may choose it for both.

Both connections are redirected to the proxy. Then they would be equal there, so the kernel also changes the
port of one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, address, fresh, python
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

_ASK = """
import json, socket, struct, sys
host, *resolvers = sys.argv[1:]
family = socket.AF_INET6 if ":" in resolvers[0] else socket.AF_INET
name = b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\\0"
qtype = 28 if family == socket.AF_INET6 else 1
query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", qtype, 1)
socks, port = [], 0
for resolver in resolvers:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(5)
    sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    port = sock.getsockname()[1]
    sock.connect((resolver, 53))
    socks.append(sock)
for sock in socks:
    sock.sendall(struct.pack(">H", len(query)) + query)
found = []
for sock in socks:
    answer = sock.recv(4096)
    size = 16 if family == socket.AF_INET6 else 4
    found.append(socket.inet_ntop(family, answer[-size:]) if len(answer) > size else "")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.begin_anew()
    with fresh(home) as started:
        yield started


@pytest.mark.parametrize(
    ("version", "resolvers"),
    [
        (4, (names.GATEWAY_IPV4, "8.8.8.8", "1.1.1.1")),
        (6, (names.GATEWAY_IPV6, "2001:4860:4860::8888", "2606:4700:4700::1111")),
    ],
    ids=["IPv4", "IPv6"],
)
def test_each_resolver_answers(
    daemon: Daemon, tablet: Namespace, version: int, resolvers: tuple[str, ...]
) -> None:
    found = json.loads(python(tablet, _ASK, ALLOWED, *resolvers))
    assert found == [address(ALLOWED, version)] * len(resolvers)
