"""The lab itself: it stands in seconds, everything in it answers, and nothing of it stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import clients, names
from tests.lab.home import ROOT, Home
from tests.lab.internet.odds import BANNER, BANNER_PORT, WIREGUARD_PORT
from tests.lab.netns import names as namespace_names
from tests.lab.netns import run_folder
from tests.lab.topology import leftovers
from tests.pace import longest

pytestmark = pytest.mark.lab

SITE = "www.example.org"
BOTH = pytest.mark.parametrize("address", [names.ipv4_of(SITE), names.ipv6_of(SITE)], ids=["IPv4", "IPv6"])
FAMILIES = pytest.mark.parametrize("family", ["-4", "-6"])

# Starts a lab and then dies without a word, as after `kill -9`.
_CRASH = """
import os, signal
from tests.lab.home import Home
home = Home()
home.start()
print(home.prefix, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _own_links() -> str:
    return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout


def _runs(pid: int) -> bool:
    """A process that ended may wait for a while until somebody asks how."""
    stat = Path("/proc", str(pid), "stat")
    return stat.exists() and stat.read_text().rpartition(") ")[2][0] not in "ZX"


def test_comes_up_in_under_3_seconds_and_goes_without_a_trace() -> None:
    links = _own_links()
    home = Home()
    with home:
        inside = [pid for name in (home.gateway, home.internet) for pid in name.pids()]
        assert len(inside) >= 2, "dnsmasq and the servers run"
        assert home.seconds_to_start < longest(3.0)
        assert home.prefix in " ".join(namespace_names())
        assert links == _own_links(), "no link of the lab was ever among the machine's own"
    assert leftovers(home.prefix) == []
    assert not [pid for pid in inside if _runs(pid)]


def test_two_labs_at_once(home: Home) -> None:
    with Home(journal=False, quic=False, seats=names.SEATS[:1]) as other:
        assert other.prefix != home.prefix
        for one in (home, other):
            assert clients.curl(one.devices["tablet"], f"http://{SITE}/").reached
    assert leftovers(other.prefix) == []
    assert clients.curl(home.devices["tablet"], f"http://{SITE}/").reached


def test_a_crashed_lab_is_swept_by_the_next(home: Home) -> None:
    crashed = subprocess.run(
        [sys.executable, "-c", _CRASH], cwd=ROOT, capture_output=True, text=True, check=False
    )
    prefix = crashed.stdout.strip()
    assert leftovers(prefix), crashed.stderr
    with Home(quic=False, seats=names.SEATS[:1]):
        assert leftovers(prefix) == []
        assert run_folder(home.prefix).is_dir(), "a living lab is left alone"


def test_without_root_one_clear_line() -> None:
    argv = ["setpriv", "--reuid=65534", "--clear-groups", "--", sys.executable, "-c"]
    code = "from tests.lab.topology import Topology; Topology().build()"
    done = subprocess.run([*argv, code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1].endswith("run this as root")


def test_every_name_has_its_own_address(home: Home) -> None:
    tablet = home.devices["tablet"]
    assert clients.dig(tablet, SITE).records == (names.ipv4_of(SITE),)
    assert clients.dig(tablet, SITE, "AAAA", server=names.GATEWAY_IPV6).records == (names.ipv6_of(SITE),)
    assert names.ipv4_of("www.google.com") != names.ipv4_of("forcesafesearch.google.com")
    assert clients.dig(tablet, f"nx.{SITE}").status == "NXDOMAIN"
    assert clients.dig(tablet, f"cname.{SITE}").records == (f"{SITE}.", names.ipv4_of(SITE))


def test_https_records_carry_ech_and_quic(home: Home) -> None:
    (record,) = clients.dig(home.devices["tablet"], SITE, "HTTPS").records
    assert "ech=" in record
    assert 'alpn="h3"' in record
    assert "ech=" not in clients.dig(home.devices["tablet"], f"noech.{SITE}", "HTTPS").records[0]


@pytest.mark.parametrize(
    "server", [names.RESOLVER_IPV4, names.RESOLVER_IPV6, "8.8.8.8", "2001:4860:4860::8888"]
)
@pytest.mark.parametrize("extra", [(), ("+tcp",), ("+tls",)], ids=["udp", "tcp", "tls"])
def test_any_resolver_answers(home: Home, server: str, extra: tuple[str, ...]) -> None:
    answer = clients.dig(home.devices["phone"], SITE, server=server, extra=extra)
    assert answer.records == (names.ipv4_of(SITE),), answer.text


def test_long_answers_come_over_tcp(home: Home) -> None:
    cut = clients.dig(home.devices["phone"], f"long.{SITE}", "TXT", server="8.8.8.8", extra=("+ignore",))
    assert "tc" in cut.text.partition("flags:")[2].partition(";")[0].split()
    whole = clients.dig(home.devices["phone"], f"long.{SITE}", "TXT", server="8.8.8.8")
    assert len(whole.records[0]) > 2500


def test_dns_over_https(home: Home) -> None:
    resolver = ["--doh-url", "https://dns.example/dns-query", "--doh-insecure"]
    reached = clients.curl(home.devices["phone"], "http://over-https.example.org/", extra=resolver)
    assert reached.reached, reached
    assert home.seen("https", "dns.example")


@FAMILIES
@pytest.mark.parametrize("url", ["http://{}/", "http://{}:8080/", "https://{}/", "https://{}:8443/"])
def test_curl_reaches_every_web_port(home: Home, family: str, url: str) -> None:
    outcome = clients.curl(home.devices["tablet"], url.format(SITE), home=home, extra=[family])
    assert outcome.reached, outcome
    assert f"<h1>{SITE}" in outcome.body


@FAMILIES
def test_downloads_are_whole(home: Home, family: str) -> None:
    shape = ["-o", "/dev/null", "-w", "%{size_download}", family]
    for scheme in ("http", "https"):
        argv = ["curl", "-sSk", *shape, f"{scheme}://{SITE}/bytes/20M"]
        assert home.devices["parent"].run(argv).stdout == str(20 << 20)


def test_keep_alive_carries_several_requests(home: Home) -> None:
    done = home.devices["tablet"].run(["curl", "-sSv", f"http://{SITE}/a", f"http://{SITE}/b"])
    assert done.stdout.count("pretended internet") == 2
    assert done.stderr.count("Established connection") + done.stderr.count("Connected to") == 1


@BOTH
def test_tls_by_python_and_openssl(home: Home, address: str) -> None:
    assert clients.tls(home.devices["tablet"], SITE, address=address).reached
    assert clients.openssl(home.devices["tablet"], SITE, address=address).reached


@BOTH
@pytest.mark.parametrize("version", [1, 2])
def test_http3_by_aioquic(home: Home, address: str, version: int) -> None:
    outcome = clients.h3(home.devices["tablet"], SITE, address=address, version=version)
    assert outcome.reached, outcome
    assert home.seen("h3", SITE)


@BOTH
def test_udp_tcp_echo_and_a_tunnels_far_end(home: Home, address: str) -> None:
    new = home.devices["new"]
    assert clients.udp(new, address).how == "32 bytes came back"
    assert clients.udp(new, address, WIREGUARD_PORT).how == "92 bytes came back"
    assert clients.tcp(new, address).how == "hello"
    assert clients.tcp(new, address, BANNER_PORT).how.startswith(BANNER.decode().strip())


def test_the_journal_tells_who_reached_what(home: Home) -> None:
    name = f"only-here-{os.getpid()}.example.org"
    assert not home.seen(name=name)
    assert clients.curl(home.devices["parent"], f"http://{name}/x", extra=["-6"]).reached
    (line,) = home.seen("http", name)
    assert line["client"] == names.PARENT.ipv6
    assert line["detail"] == "GET /x"


def test_a_stream_runs_until_it_is_closed(home: Home) -> None:
    with clients.Stream(home.devices["tablet"], f"https://{SITE}/stream?rate=200k") as stream:
        assert stream.started()
        assert stream.flows()
        began = time.monotonic()
    assert not stream.runs
    assert stream.death(began) is not None


def test_segmentation_offload_can_be_switched_off() -> None:
    with Home(offload=False, quic=False, seats=names.SEATS[:1]) as plain:
        for namespace, link in ((plain.gateway, names.WAN), (plain.devices["tablet"], "eth0")):
            shown = namespace.run(["ethtool", "-k", link]).stdout
            assert "generic-segmentation-offload: off" in shown
            assert "tcp-segmentation-offload: off" in shown
        assert clients.curl(plain.devices["tablet"], f"http://{SITE}/bytes/1M").reached


@pytest.mark.browser
def test_chromium_by_tcp_and_by_quic(home: Home) -> None:
    from tests.lab import chromium

    over_tcp = chromium.visit(home, "tablet", f"https://{SITE}/tcp")
    assert over_tcp.reached, over_tcp.body[:500]
    assert [line for line in home.seen("https", SITE) if line["detail"] == "GET /tcp"]
    # Chromium believes the `ech` of an HTTPS record, and aioquic's server cannot answer it.
    plain = f"noech.{SITE}"
    over_quic = chromium.visit(home, "tablet", f"https://{plain}/quic", quic_hosts=[plain])
    assert over_quic.reached, over_quic.how
    assert [line for line in home.seen("h3", plain) if line["detail"] == "GET /quic"]
    # Where the HTTPS record comes late it goes on without it, so it may take another visit.
    visits = (chromium.visit(home, "tablet", f"https://{SITE}/quic", quic_hosts=[SITE]) for _ in range(3))
    assert any(one.how == "ERR_QUIC_PROTOCOL_ERROR" for one in visits)
