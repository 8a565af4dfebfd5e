"""What devices fetch by themselves: probes, certificates' states, updates in ranges, Git; and what stays
at home: printers and screens, which no queue ever sees.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.age.bands import AgeBand
from tests.lab import clients
from tests.lab.daemon import Daemon
from tests.lab.filtering import FAMILIES, fresh, python, queued, serving
from tests.lab.home import Home
from tests.lab.ordinary import CHILDREN, DEVICES, SEATS, family

pytestmark = pytest.mark.lab

PROBES = (
    "http://connectivitycheck.gstatic.com/generate_204",
    "http://captive.apple.com/hotspot-detect.html",
    "http://www.msftconnecttest.com/connecttest.txt",
    "http://detectportal.firefox.com/canonical.html",
    "http://connect.rom.miui.com/generate_204",
)
CERTIFICATES = (
    "http://ocsp.digicert.com/MFEwTzBNMEswSTAJ",
    "http://r3.o.lencr.org/MFgwVqADAgEA",
    "http://crl3.digicert.com/DigiCertGlobalG3TLSECC.crl",
    "http://c.pki.goog/wr2/crl.crl",
)
UPDATES = (
    "http://dl.google.com/android/bytes/update.zip",
    "http://au.download.windowsupdate.com/d/msdownload/update.cab",
    "http://swcdn.apple.com/content/downloads/update.pkg",
    "https://deb.debian.org/debian/dists/stable/InRelease",
)
IPP, CAST, AIRPLAY = 631, 8009, 7000
ANSWER = """
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_STREAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen()
    print("ready", flush=True)
    while True:
        with server.accept()[0] as one:
            one.sendall(one.recv(4096))
"""
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 3) as sock:
    sock.sendall(b"POST /ipp/print HTTP/1.1\\r\\n\\r\\n")
    print(sock.recv(4096) == b"POST /ipp/print HTTP/1.1\\r\\n\\r\\n")
"""


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, family()) as started:
        yield started


@FAMILIES
@DEVICES
def test_probes_certificates_and_updates(home: Home, daemon: Daemon, device: str, version: int) -> None:
    where = home.devices[device]
    for url in (*PROBES, *CERTIFICATES, *UPDATES):
        outcome = clients.curl(where, url, extra=[f"-{version}"])
        assert outcome.status in (200, 204), (url, outcome)
    for url in UPDATES:
        outcome = clients.curl(where, url, extra=[f"-{version}", "-r", "0-99999"])
        assert outcome.reached, (url, outcome)


@FAMILIES
@pytest.mark.parametrize("device", [key for key, band in CHILDREN.items() if band >= AgeBand.AGE_10_12])
def test_git_over_https(home: Home, daemon: Daemon, device: str, version: int) -> None:
    """A clone asks what there is, then says what it wants in a request of its own (gitprotocol-http)."""
    where, url = home.devices[device], "https://github.com/python/cpython.git"
    assert clients.curl(where, f"{url}/info/refs?service=git-upload-pack", extra=[f"-{version}"]).reached
    wants = ["-H", "Content-Type: application/x-git-upload-pack-request", "--data-binary", "0032want " * 200]
    assert clients.curl(where, f"{url}/git-upload-pack", extra=[f"-{version}", *wants]).reached


@DEVICES
def test_what_stays_at_home_is_never_asked_about(home: Home, daemon: Daemon, device: str) -> None:
    """Printing, casting and sharing with each other's devices do not cross the gateway."""
    other = "phone" if device != "phone" else "tablet"
    seat = SEATS[other]
    for address in (seat.ipv4, seat.ipv6):
        for port in (IPP, CAST, AIRPLAY):
            with serving(home.devices[other], ANSWER, address, str(port)):
                before = queued(daemon)
                assert python(home.devices[device], ASK, address, str(port)).strip() == "True"
                assert queued(daemon) == before


@FAMILIES
def test_a_question_to_all_of_the_home(home: Home, daemon: Daemon, version: int) -> None:
    """Multicast DNS and SSDP, as phones look for screens and printers."""
    code = """
import socket, sys
group, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in group else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
    print(sock.sendto(b"M-SEARCH * HTTP/1.1\\r\\n\\r\\n", (group, port)))
"""
    before = queued(daemon)
    for group, port in (("224.0.0.251", 5353), ("239.255.255.250", 1900)):
        if version == 6:
            group = {5353: "ff02::fb", 1900: "ff02::c"}[port]
        assert python(home.devices["phone"], code, group, str(port)).strip() == "23"
    assert queued(daemon) == before
