"""The trusted name in the home: found by everybody, met at its address alone, nobody taken for another."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gateway.policy.config.web import PAGES
from gateway.web.connection_limits import GREETING
from tests.lab import clients, names
from tests.lab.filtering import FAMILIES, PROFILES, ZONE, Arrivals, python, until
from tests.lab.home import Home
from tests.lab.netns import stop
from tests.lab.trusted import PLAIN, Trusted
from tests.pace import longest
from tests.web.authority import NAME

pytestmark = pytest.mark.lab

DEVICES = ("tablet", "phone", "parent", "new")
_CROWD = """
import socket, sys, time
crowd = []
for number in range(500):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex((sys.argv[1], 443))
    crowd.append(one)
    if number % 50 == 49:
        time.sleep(0.1)
        for each in crowd:
            try:
                each.send(b"\\x16\\x03\\x01\\x02\\0\\x01")
            except OSError:
                continue
print("ready", flush=True)
time.sleep(20)
"""


@pytest.fixture(scope="module")
def trusted(home: Home) -> Iterator[Trusted]:
    made = Trusted(home, PROFILES, timezone=ZONE.key)
    with made.daemon:
        done = made.renew(made.authority.issue())
        assert done.returncode == 0, done.stdout + done.stderr
        assert until(made.met, 20.0) is not None
        yield made


@pytest.mark.parametrize("device", DEVICES)
def test_everybody_finds_the_name_whatever_resolver_is_asked(
    home: Home, trusted: Trusted, arrivals: Arrivals, device: str
) -> None:
    at = home.devices[device]
    for server in (None, names.GATEWAY_IPV6, "8.8.8.8", "2001:4860:4860::8888"):
        assert clients.dig(at, NAME, server=server).records == (PAGES[0],), server
        assert clients.dig(at, NAME, "AAAA", server=server).records == (PAGES[1],), server
    for kind in ("HTTPS", "TXT", "MX"):
        told = clients.dig(at, NAME, kind)
        assert (told.status, told.records) == ("NOERROR", ()), "the name is there, and has none of these"
    assert not arrivals.of("dns", NAME), "nobody outside is asked"


@FAMILIES
@pytest.mark.parametrize("device", DEVICES)
def test_each_device_meets_its_own_page_there(trusted: Trusted, device: str, version: int) -> None:
    page = trusted.ask(device, "/my", version=version)
    known = {"tablet": "Daughter", "phone": "Son"}
    assert page.status in (200, 303), page
    for key, name in known.items():
        assert (name in page.body) == (key == device), key


@FAMILIES
def test_nobody_is_taken_for_another_whatever_is_said(home: Home, trusted: Trusted, version: int) -> None:
    tablet = home.seats["tablet"]
    said = [tablet.ipv4, tablet.ipv6]
    heads = [
        part
        for one in said
        for head in (f"X-Forwarded-For: {one}", f"X-Real-IP: {one}", f"Forwarded: for={one}")
        for part in ("-H", head)
    ]
    for device in ("new", "parent", "phone"):
        assert "Daughter" not in trusted.ask(device, "/my", *heads, version=version).body
    assert (
        "Daughter" in trusted.ask("tablet", "/my", "-H", "X-Forwarded-For: 192.0.2.1", version=version).body
    )
    # What a proxy would say in front of a connection.
    line = trusted.ask("new", "/my", "--haproxy-clientip", tablet.ipv4, version=version)
    assert not line.reached


def test_no_way_leads_into_the_pages_past_the_front(home: Home, trusted: Trusted) -> None:
    """No socket of the file system and no port takes a connection that says whose it is."""
    told = home.gateway.run(["ss", "-Hlxp"]).stdout
    web = str(trusted.daemon.web_pid)
    assert not [line for line in told.splitlines() if f"pid={web}," in line], told
    ports = {line.split()[3].rpartition(":")[2] for line in _of(home, trusted.daemon.web_pid)}
    assert ports == {"8080"}
    front = [line for line in home.gateway.run(["ss", "-Hltnp"]).stdout.splitlines() if ":8443 " in line]
    assert front
    assert all(f"%{names.LAN}" in line for line in front), "on the home's side alone"


def _of(home: Home, pid: int) -> list[str]:
    lines = home.gateway.run(["ss", "-Hltnp"]).stdout.splitlines()
    return [line for line in lines if f"pid={pid}," in line and ":8443 " not in line]


def test_the_front_has_no_rights(trusted: Trusted) -> None:
    with open(f"/proc/{trusted.front_pid}/status") as file:
        told = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    assert set(told["Uid"].split()) == {"64991"}
    assert int(told["CapEff"], 16) == 0


def test_other_names_and_addresses_get_an_error_and_no_page(home: Home, trusted: Trusted) -> None:
    tablet = home.devices["tablet"]
    for url in (
        "https://qalqan.home.arpa/my", f"https://{PAGES[0]}/my", f"https://[{PAGES[1]}]/my",
        f"https://{names.GATEWAY_IPV4}:8443/my",
    ):  # fmt: skip
        got = clients.curl(tablet, url)  # one that takes any certificate
        assert got.status == 0, got
    assert clients.curl(tablet, f"{PLAIN}/my").reached
    assert clients.curl(tablet, f"http://{NAME}/my").reached, "old devices reach it by HTTP too"
    # The provider's side has no way in: neither to the pages' address nor to the port.
    outside = home.internet.run(["curl", "-sSk", "--max-time", "3", f"https://{names.WAN_IPV4}:8443/"])
    assert outside.returncode != 0


def test_probes_and_the_refused_page_stay_plain(home: Home, trusted: Trusted) -> None:
    tablet = home.devices["tablet"]
    led = clients.curl(tablet, "http://www.tiktok.com/", extra=["--resolve", "www.tiktok.com:80:198.18.9.9"])
    assert led.location.startswith(f"{PLAIN}/refused?host=www.tiktok.com"), led


@pytest.mark.parametrize("to", PAGES)
def test_a_crowd_at_the_name_stops_nobody(home: Home, trusted: Trusted, to: str) -> None:
    code = _CROWD.replace("socket.socket()", "socket.socket(socket.AF_INET6)") if ":" in to else _CROWD
    process = home.devices["tablet"].popen(["python3", "-c", code, to])
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(5):
            began = time.monotonic()
            assert clients.curl(home.devices["parent"], f"{PLAIN}/calendar").reached
            assert clients.curl(home.devices["tablet"], f"{PLAIN}/my").reached
            assert trusted.ask("parent", "/calendar").reached
            assert time.monotonic() - began < longest(5.0, below=GREETING)
    finally:
        stop(process)


def test_what_a_slow_hello_holds_is_given_back(home: Home, trusted: Trusted) -> None:
    told = python(
        home.devices["tablet"],
        "import socket, sys, time\n"
        "s = socket.create_connection((sys.argv[1], 443), timeout=20)\n"
        "s.send(b'\\x16\\x03\\x01'); began = time.monotonic(); s.recv(1); print(time.monotonic() - began)",
        PAGES[0],
    )
    assert 6 < float(told) < 14
