"""A refused name is refused and an allowed one is reached: DNS, TLS, HTTP, QUIC, by real clients."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import chromium, clients, names
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    EXPLAINED,
    FAMILIES,
    REFUSED,
    Arrivals,
    address,
    bracketed,
    fetch,
    fresh,
    is_explained,
    python,
    queued,
    until,
)
from tests.lab.home import Home
from tests.lab.netns import Namespace, stop
from tests.pace import longest

pytestmark = pytest.mark.lab

RESOLVERS = pytest.mark.parametrize(
    "server",
    [
        names.GATEWAY_IPV4,
        names.GATEWAY_IPV6,
        names.RESOLVER_IPV4,
        names.RESOLVER_IPV6,
        "8.8.8.8",
        "2001:4860:4860::8888",
    ],
    ids=["gateway-4", "gateway-6", "provider-4", "provider-6", "foreign-4", "foreign-6"],
)
H2_PORT = 8444  # nginx; the pretended internet itself speaks HTTP/1.1
FILTERED = 17  # RFC 8914 4.18
MOST_QUEUED = 20
DOWNLOAD = "20M"
SIZE = 20 << 20


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.begin_anew()
    with fresh(home) as started:
        yield started


def _refused_fast(outcome: Outcome) -> None:
    assert not outcome.reached, outcome
    assert outcome.how in CUT, outcome


# -------------------------------------------------------------------------------------------- DNS


@RESOLVERS
@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS"])
@pytest.mark.parametrize("extra", [(), ("+tcp",)], ids=["udp", "tcp"])
def test_a_refused_name_has_the_address_of_the_pages_and_nothing_else(
    tablet: Namespace, server: str, qtype: str, extra: tuple[str, ...], arrivals: Arrivals
) -> None:
    answer = clients.dig(tablet, REFUSED, qtype, server=server, extra=extra)
    assert answer.status == "NOERROR", answer.text
    assert answer.records == ((EXPLAINED,) if qtype == "A" else ())
    assert answer.ede == FILTERED
    assert re.search(r"EDE: 17 \(Filtered\): \(.*TikTok.*\)", answer.text), answer.text
    assert not arrivals.of("dns", REFUSED)


@RESOLVERS
@pytest.mark.parametrize("extra", [(), ("+tcp",)], ids=["udp", "tcp"])
def test_an_allowed_name_is_answered(tablet: Namespace, server: str, extra: tuple[str, ...]) -> None:
    for qtype, version in (("A", 4), ("AAAA", 6)):
        answer = clients.dig(tablet, ALLOWED, qtype, server=server, extra=extra)
        assert answer.records == (address(ALLOWED, version),), answer.text


@RESOLVERS
@pytest.mark.parametrize("extra", [(), ("+tcp",)], ids=["udp", "tcp"])
def test_the_case_of_a_question_is_kept(tablet: Namespace, server: str, extra: tuple[str, ...]) -> None:
    """0x20: a resolver that mixes letters throws away an answer to another spelling."""
    refused = clients.dig(tablet, "wWw.TIKtok.CoM", server=server, extra=extra)
    assert ";wWw.TIKtok.CoM." in refused.text
    assert is_explained(refused)
    allowed = clients.dig(tablet, "Www.EXAMPLE.oRg", server=server, extra=extra)
    assert ";Www.EXAMPLE.oRg." in allowed.text
    assert allowed.records == (address(ALLOWED, 4),)


def test_without_edns_there_is_no_edns_in_the_answer(tablet: Namespace) -> None:
    answer = clients.dig(tablet, REFUSED, server="8.8.8.8", extra=("+noedns",))
    assert is_explained(answer)
    assert "OPT PSEUDOSECTION" not in answer.text


# Several questions on one connection: two in one segment, one cut in the middle, as RFC 7766 6.2.1 allows.
_PIPELINED = """
import json, socket, struct, sys, time
import dns.message
server, *wanted = sys.argv[1:]
queries = [dns.message.make_query(name, "A", use_edns=0) for name in wanted]
frames = [struct.pack("!H", len(q.to_wire())) + q.to_wire() for q in queries]
with socket.create_connection((server, 53), 10) as sock:
    sock.settimeout(10)
    sock.sendall(frames[0] + frames[1])
    sock.sendall(frames[2][:7])
    time.sleep(0.1)
    sock.sendall(frames[2][7:] + b"".join(frames[3:]))
    data, found = b"", {}
    while len(found) < len(queries):
        while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
            piece = sock.recv(4096)
            assert piece, "closed"
            data += piece
        (length,) = struct.unpack_from("!H", data)
        message = dns.message.from_wire(data[2 : 2 + length])
        data = data[2 + length :]
        texts = [option.to_text() for option in message.options]
        found[message.id] = (message.rcode(), [r.to_text() for rr in message.answer for r in rr], texts)
print(json.dumps([found[q.id] for q in queries]))
"""


@RESOLVERS
def test_several_messages_on_one_connection(tablet: Namespace, server: str) -> None:
    wanted = [ALLOWED, REFUSED, "second.example.org", BLOCKED, "third.example.org"]
    answers = json.loads(python(tablet, _PIPELINED, server, *wanted))
    for name, (code, records, options) in zip(wanted, answers, strict=True):
        if name in (REFUSED, BLOCKED):
            assert (code, records) == (0, [EXPLAINED])
            assert [option for option in options if option.startswith("EDE 17 (Filtered): ")], options
        else:
            assert (code, records) == (0, [address(name, 4)])


@FAMILIES
def test_what_messenger_needs_of_facebook_opens_and_facebook_not(tablet: Namespace, version: int) -> None:
    """At 10-12 messengers are open and social networks are not."""
    picture = "static.xx.fbcdn.net"
    answer = clients.dig(tablet, picture, "A" if version == 4 else "AAAA")
    assert answer.records == (address(picture, version),)
    assert fetch(tablet, f"https://{picture}/", version).reached
    for host in ("www.facebook.com", "video.fbsbx.com"):
        assert is_explained(clients.dig(tablet, host))
        _refused_fast(fetch(tablet, f"https://{host}/", version))


def test_an_unfiltered_device_asks_what_it_likes(home: Home, daemon: Daemon) -> None:
    for extra in ((), ("+tcp",)):
        answer = clients.dig(home.devices["parent"], REFUSED, server="8.8.8.8", extra=extra)
        assert answer.records == (address(REFUSED, 4),)


# -------------------------------------------------------------------------------------------- TLS


@FAMILIES
@pytest.mark.parametrize("port", [443, 8443])
@pytest.mark.parametrize("refused", [REFUSED, BLOCKED, f"deep.down.{BLOCKED}"])
def test_tls_by_curl(tablet: Namespace, version: int, port: int, refused: str, arrivals: Arrivals) -> None:
    _refused_fast(fetch(tablet, f"https://{refused}:{port}/", version))
    assert not arrivals.of("https", f"{refused}:{port}")
    assert not arrivals.of("https", refused)
    assert fetch(tablet, f"https://{ALLOWED}:{port}/", version).reached


@FAMILIES
@pytest.mark.parametrize("port", [443, 8443])
def test_a_post_quantum_hello_in_two_segments(tablet: Namespace, version: int, port: int) -> None:
    groups = ["-groups", "X25519MLKEM768:X25519", "-msg"]

    def shake(host: str) -> Outcome:
        return clients.openssl(tablet, host, address=address(host, version), port=port, extra=groups)

    allowed = shake(ALLOWED)
    assert allowed.reached, allowed
    (length,) = re.findall(r"Handshake \[length ([0-9a-f]+)\], ClientHello", allowed.body)
    assert int(length, 16) > 1460, "longer than one segment"
    _refused_fast(shake(REFUSED))
    _refused_fast(shake(BLOCKED))


@FAMILIES
def test_tls_by_python(tablet: Namespace, version: int) -> None:
    _refused_fast(clients.tls(tablet, REFUSED, address=address(REFUSED, version)))
    assert clients.tls(tablet, ALLOWED, address=address(ALLOWED, version)).reached


@FAMILIES
def test_a_refused_name_at_an_allowed_names_address(tablet: Namespace, version: int) -> None:
    _refused_fast(fetch(tablet, f"https://{REFUSED}/", version, to=address(ALLOWED, version)))
    assert fetch(tablet, f"https://{ALLOWED}/", version, to=address(REFUSED, version)).reached


# Two connections one after the other between the same ends; each goes with a reset, so its ports are free.
_AGAIN = r"""
import socket, ssl, struct, sys, time
address, port, *hosts = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for host in hosts:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.settimeout(10)
    sock.bind(("", int(port)))
    try:
        sock.connect((address, 443))
        with context.wrap_socket(sock, server_hostname=host) as secure:
            secure.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            print("reached" if secure.recv(100) else "closed")
    except OSError as error:
        print(type(error).__name__)
    sock.close()
    time.sleep(0.1)
"""


@FAMILIES
def test_the_same_ports_again(tablet: Namespace, version: int) -> None:
    """What was decided about a connection says nothing about the next one between the same ends."""
    where = address(ALLOWED, version)
    said = python(tablet, _AGAIN, where, str(50100 + version), ALLOWED, ALLOWED, REFUSED).split()
    assert said == ["reached", "reached", "ConnectionResetError"]


@FAMILIES
def test_a_refused_connection_fails_at_once(tablet: Namespace, version: int) -> None:
    for scheme in ("https", "http"):
        times = [fetch(tablet, f"{scheme}://{REFUSED}/", version).ms for _ in range(21)]
        median = statistics.median(times)
        print(f"refused {scheme}, IPv{version}: median {median:.1f} ms, worst {max(times):.1f} ms of 21")
        assert median <= longest(0.05, below=5.0) * 1000


@FAMILIES
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_python_sees_a_handful_of_packets_of_a_download(
    tablet: Namespace, daemon: Daemon, version: int, scheme: str
) -> None:
    seen = [_packets_of_a_download(tablet, daemon, scheme, version) for _ in range(3)]
    print(f"{DOWNLOAD} over {scheme}, IPv{version}: {seen} packets reached Python")
    least = 1 if scheme == "https" else 2  # the kernel reads the answer to a TLS hello
    assert least <= statistics.median(seen) <= MOST_QUEUED


def _packets_of_a_download(device: Namespace, daemon: Daemon, scheme: str, version: int) -> int:
    """What the server sends before the first verdict is there depends on how busy the machine is."""
    before = queued(daemon)
    _download(device, f"{scheme}://{ALLOWED}/bytes/{DOWNLOAD}", version)
    return queued(daemon) - before


def _download(device: Namespace, url: str, version: int) -> None:
    shape = ["-o", "/dev/null", "-w", "%{size_download} "]
    host = url.split("/")[2]
    port = 443 if url.startswith("https") else 80
    pinned = ["--resolve", f"{host}:{port}:{bracketed(address(host, version))}"]
    done = device.run(["curl", "-sSk", f"-{version}", *shape, *pinned, url])
    assert done.stdout.split() == [str(SIZE)], done


# -------------------------------------------------------------------------------------------- HTTP

# A download, and a request for a small page every 0.1 ms on the same connection meanwhile.
_BUSY = r"""
import os, socket, sys, threading, time
address, host, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
sock = socket.create_connection((address, 80))
sock.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
received = len(sock.recv(1000))
ended = []

def ask():
    try:
        while not ended:
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            time.sleep(0.0001)
    except OSError as error:
        ended.append(type(error).__name__)

threading.Thread(target=ask, daemon=True).start()
while received < size and not ended and (part := sock.recv(1 << 16)):
    received += len(part)
print(received >= size, *ended, flush=True)
os._exit(0)
"""


@FAMILIES
def test_verdicts_on_requests_leave_the_packets_beside_them_alone(tablet: Namespace, version: int) -> None:
    """Each request gives the connection the verdict that it has, while another processor reads it there."""
    for _ in range(3):
        said = python(tablet, _BUSY, address(ALLOWED, version), ALLOWED, str(100 << 20))
        assert said.split() == ["True"]


@FAMILIES
def test_who_sends_again_since_the_gateway_was_late_is_not_refused(
    tablet: Namespace, daemon: Daemon, version: int
) -> None:
    stalls, done = 0, threading.Event()

    def stall() -> None:
        nonlocal stalls
        while not done.wait(0.3):
            os.kill(daemon.pid, signal.SIGSTOP)
            time.sleep(0.45)  # twice the shortest time after which TCP sends again (RFC 6298)
            os.kill(daemon.pid, signal.SIGCONT)
            stalls += 1

    stalling = threading.Thread(target=stall)
    stalling.start()
    try:
        while stalls < 4:
            said = python(tablet, _BUSY, address(ALLOWED, version), ALLOWED, str(1000 << 20))
            assert said.split() == ["True"]
    finally:
        done.set()
        stalling.join()


@FAMILIES
@pytest.mark.parametrize("port", [80, 8080])
def test_plain_http_is_led_to_the_childs_page(
    home: Home, tablet: Namespace, version: int, port: int, arrivals: Arrivals
) -> None:
    refused = fetch(tablet, f"http://{REFUSED}:{port}/watch?v=1", version)
    assert not refused.reached
    assert refused.status == 302
    assert refused.location.startswith("http://qalqan.home.arpa/refused?host=www.tiktok.com&reason=")
    assert not [line for line in arrivals.of("http") if line["name"].startswith(REFUSED)]
    assert fetch(tablet, f"http://{ALLOWED}:{port}/", version).reached


@FAMILIES
def test_the_second_request_of_a_connection_is_judged_too(
    home: Home, tablet: Namespace, version: int, arrivals: Arrivals
) -> None:
    """To one address, so that curl keeps the connection: first an allowed name, then a refused Host."""
    where = bracketed(address(ALLOWED, version))
    argv = ["curl", "-sSv", f"-{version}", "-m", "5", "--resolve", f"{ALLOWED}:80:{where}"]
    first, second = f"http://{ALLOWED}/first", f"http://{ALLOWED}/second-of-{version}"
    split = ["--next", "-sSv", f"-{version}", "-m", "5", "-H", f"Host: {REFUSED}", second]
    done = tablet.run([*argv, first, *split])
    assert "/first" in done.stdout
    assert re.search(r"Re-?using existing", done.stderr), done.stderr
    assert "302 Found" in done.stderr
    assert "qalqan.home.arpa/refused" in done.stderr
    assert not [line for line in arrivals.of("http") if line["detail"] == f"GET /second-of-{version}"]


@FAMILIES
def test_the_pages_name_leads_to_the_gateway(tablet: Namespace, version: int) -> None:
    for server in (names.GATEWAY_IPV4, "8.8.8.8", "2001:4860:4860::8888"):
        qtype = "A" if version == 4 else "AAAA"
        answer = clients.dig(tablet, "qalqan.home.arpa", qtype, server=server)
        assert len(answer.records) == 1, answer.text


# -------------------------------------------------------------------------------------------- QUIC


@FAMILIES
@pytest.mark.parametrize("quic", [1, 2])
def test_http3_by_aioquic(tablet: Namespace, version: int, quic: int, arrivals: Arrivals) -> None:
    refused = clients.h3(tablet, REFUSED, address=address(REFUSED, version), version=quic, timeout=1.0)
    assert not refused.reached, refused
    assert not arrivals.of("h3", REFUSED)
    allowed = clients.h3(tablet, ALLOWED, address=address(ALLOWED, version), version=quic)
    assert allowed.reached, allowed


@FAMILIES
def test_http3_of_a_device_that_fails_open(home: Home, daemon: Daemon, version: int) -> None:
    phone = home.devices["phone"]
    assert not clients.h3(phone, REFUSED, address=address(REFUSED, version), timeout=1.0).reached
    assert clients.h3(phone, ALLOWED, address=address(ALLOWED, version)).reached
    _refused_fast(fetch(phone, f"https://{REFUSED}/", version))
    assert fetch(phone, f"https://{ALLOWED}/", version).reached


# -------------------------------------------------------------------------------------------- Chromium

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ }}
http {{
  log_format seen '$server_protocol $host';
  access_log {folder}/h2.log seen;
  default_type text/html;
  server {{
    listen {port} ssl; listen [::]:{port} ssl; http2 on;
    ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
    location / {{ return 200 "a page of the pretended internet"; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def h2(home: Home) -> Iterator[Path]:
    """A server that speaks HTTP/2; its log of protocol and host."""
    folder = home.folder
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=H2_PORT))
    process = home.internet.popen(["nginx", "-c", str(configuration)])
    listening = ["ss", "-Hltn", f"sport = :{H2_PORT}"]
    try:
        assert until(lambda: bool(home.internet.run(listening).stdout.strip()), 5.0) is not None
        yield folder / "h2.log"
    finally:
        stop(process)


def _visit(home: Home, host: str, version: int, port: int, quic: bool) -> Outcome:
    """Chromium on the tablet, with the host's address in its hand and no resolver to ask."""
    pinned = bracketed(address(host, version))
    device = "tablet"
    shutil.rmtree(chromium.profile_folder(home, device), ignore_errors=True)
    rules = f"--host-resolver-rules=MAP {host} {pinned}, EXCLUDE localhost"
    argv = [
        *chromium.command(home, device, quic_hosts=[host] if quic else []),
        rules,
        "--timeout=15000",
        "--dump-dom",
        f"https://{host}:{port}/browser",
    ]
    done = home.devices[device].run(argv, timeout=90)
    failure = re.search(r"ERR_[A-Z_0-9]+", done.stdout + done.stderr.partition("Page load failed")[2])
    reached = "pretended internet" in done.stdout
    return Outcome(reached, 0.0, "page" if reached else failure[0] if failure else "another page")


@pytest.mark.browser
@FAMILIES
def test_chromium_over_http2(home: Home, tablet: Namespace, h2: Path, version: int) -> None:
    refused = _visit(home, BLOCKED, version, H2_PORT, quic=False)
    assert refused.how in ("ERR_CONNECTION_RESET", "ERR_CONNECTION_CLOSED"), refused
    allowed = _visit(home, ALLOWED, version, H2_PORT, quic=False)
    assert allowed.reached, allowed
    lines = h2.read_text().splitlines()
    assert f"HTTP/2.0 {ALLOWED}" in lines
    assert not [line for line in lines if BLOCKED in line]


@pytest.mark.browser
@FAMILIES
def test_chromium_over_http3(home: Home, tablet: Namespace, version: int, arrivals: Arrivals) -> None:
    refused = _visit(home, BLOCKED, version, 443, quic=True)
    print(f"Chromium's QUIC, refused, IPv{version}: {refused.how}")
    assert not refused.reached, refused
    assert not arrivals.of("h3", BLOCKED)
    allowed = _visit(home, ALLOWED, version, 443, quic=True)
    assert allowed.reached, allowed
    assert [line for line in arrivals.of("h3", ALLOWED) if line["detail"] == "GET /browser"]


@pytest.mark.browser
def test_chromium_with_the_devices_own_resolver(home: Home, tablet: Namespace, arrivals: Arrivals) -> None:
    """It asks for HTTPS records too; their `ech` is taken out on the way, so QUIC works for any name."""
    refused = chromium.visit(home, "tablet", f"https://{REFUSED}/")
    assert refused.how == "ERR_CONNECTION_REFUSED", refused
    name = "over-quic.example.org"
    allowed = chromium.visit(home, "tablet", f"https://{name}/quic", quic_hosts=[name])
    assert allowed.reached, allowed
    assert [line for line in arrivals.of("h3", name) if line["detail"] == "GET /quic"]


@FAMILIES
def test_an_upload_over_plain_http_takes_nothing_from_the_rest(tablet: Namespace, version: int) -> None:
    """Each of its packets is read, and none is counted among those of new connections."""
    where = bracketed(address(ALLOWED, version))
    pinned = ["--resolve", f"{ALLOWED}:80:{where}", f"-{version}", "-m", "100", "-H", "Expect:"]
    shape = ["--data-binary", "@-", "-o", "/dev/null", "-w", "%{http_code} %{time_total}"]
    argv = ["curl", "-sS", *pinned, *shape, f"http://{ALLOWED}/up"]
    with tablet.popen(["sh", "-c", f"head -c 30M /dev/zero | {shlex.join(argv)}"]) as upload:
        times = []
        while upload.poll() is None:
            outcome = fetch(tablet, f"https://{ALLOWED}/", version)
            assert outcome.reached, outcome
            times.append(outcome.ms)
        assert upload.stdout is not None
        status, seconds = upload.stdout.read().split()
    print(f"30 MB in {float(seconds):.1f} s; {len(times)} pages beside it, the slowest {max(times):.0f} ms")
    assert status == b"200"
    assert float(seconds) < longest(20.0)
    assert statistics.median(times) < longest(0.2, below=5.0) * 1000
