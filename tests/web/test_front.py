"""The real web process with its front, and a stand-in family behind it: what a browser gets at the name."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.core.loop import Loop
from gateway.web.connection_limits import GREETING
from gateway.web.front import MOST_SAID, Front
from tests.core_dumps import NONE, core_limits
from tests.lab.descriptors import is_calm, scarce_descriptors
from tests.pace import longest
from tests.web.authority import NAME, TrustedAuthority
from tests.webui.serving import ask, command, free_port, serving
from tests.webui.standin.household import Household, at_home
from webui.front import MESSAGE

DEVICE = "127.0.0.1"
PATIENCE = 15.0  # seconds; the front looks at its files every two, and on a busy machine reads them in four
MOST_MB = 28  # resident; docs/performance.md


@dataclass
class Site:
    household: Household
    folder: Path
    authority: TrustedAuthority
    port: int
    tls_port: int
    process: subprocess.Popen[bytes]

    def context(self, **limits: ssl.TLSVersion) -> ssl.SSLContext:
        made = ssl.create_default_context(cadata=self.authority.root_pem.decode())
        for key, version in limits.items():
            setattr(made, key, version)
        return made

    def connect(
        self, name: str | None = NAME, source: str = DEVICE, **limits: ssl.TLSVersion
    ) -> ssl.SSLSocket:
        plain = socket.create_connection((DEVICE, self.tls_port), timeout=10, source_address=(source, 0))
        context = self.context(**limits)
        if name != NAME:
            context.check_hostname = False
        return context.wrap_socket(plain, server_hostname=name)

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, source: str = DEVICE, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, str]:
        with closing(self.connect(source=source)) as tls:
            connection = http.client.HTTPConnection(NAME)
            connection.sock = tls
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Host": NAME, **named})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def listens(self) -> bool:
        try:
            socket.create_connection((DEVICE, self.tls_port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True

    def front(self) -> int:
        """The number of its process; 0: there is none."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "gateway.web.front"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return int(found.stdout.split()[0]) if found.stdout.strip() else 0


def eventually(holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


@contextmanager
def served(tmp_path: Path, tls_port: int = 0) -> Iterator[Site]:
    """The pages, once they listen for TLS; immediately with a ``tls_port``, which another program has."""
    household, authority, port, taken = Household(), TrustedAuthority(), free_port(), tls_port != 0
    tls_port = tls_port or free_port()
    household.devices[DEVICE] = household.devices.pop("192.168.1.20")
    authority.issue().put(tmp_path)
    chain, key = str(tmp_path / "chain.pem"), str(tmp_path / "key.pem")
    https: dict[str, str | int] = {"name": NAME, "certificate": chain, "key": key, "port": tls_port}
    path = tmp_path / "control.sock"
    argv = command(path, port, https=https)
    with closing(household), at_home(path, household), serving(path, port, argv=argv) as process:
        one = Site(household, tmp_path, authority, port, tls_port, process)
        if not taken:
            eventually(one.listens)
        yield one


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("site")) as one:
        yield one


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """For a test that changes how it is."""
    with served(tmp_path) as one:
        yield one


def test_the_same_pages_at_the_trusted_name(site: Site) -> None:
    status, headers, page = site.ask("/my")
    assert (status, "Aruzhan" in page) == (200, True), "the device is known by its address"
    assert "Strict-Transport-Security" not in headers
    assert site.ask("/", source=DEVICE)[1]["Location"].startswith("/"), "no scheme is written, so it stays"
    assert ask(site.port, "/my")[0] == 200
    plain = ask(site.port, "/my", Host=NAME)
    assert plain[0] == 200
    assert "strict-transport-security" not in plain[1]


def test_who_asks_is_the_address_and_no_header(site: Site) -> None:
    """The tablet is at 127.0.0.1; somebody at 127.0.0.5 says to be it."""
    forged = {
        "X_Forwarded_For": DEVICE, "Forwarded": f"for={DEVICE};proto=https", "X_Real_IP": DEVICE,
        "X_Forwarded_By": DEVICE, "X_Forwarded_Host": NAME, "X_Forwarded_Proto": "https",
    }  # fmt: skip
    assert "Aruzhan" in site.ask("/my")[2]
    assert "Aruzhan" not in site.ask("/my", source="127.0.0.5", **forged)[2]
    # What a proxy says in front of a connection (PROXY, versions 1 and 2) is no TLS, and ends it.
    for words in (f"PROXY TCP4 {DEVICE} {DEVICE} 1 443\r\n".encode(), b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"):
        with socket.create_connection((DEVICE, site.tls_port), timeout=10) as sock:
            sock.sendall(words + bytes(12))
            assert received_by(sock)[:1] in (b"", b"\x15"), "closed, or an alert"


def received_by(sock: socket.socket) -> bytes:
    """Empty for a reset as well."""
    try:
        return sock.recv(100)
    except ConnectionResetError:
        return b""


def test_plain_http_is_never_taken_for_https(site: Site) -> None:
    for target, extra in (
        (f"https://{NAME}/signin", {}),
        ("/signin", {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"}),
    ):
        with socket.create_connection((DEVICE, site.port), timeout=10) as sock:
            lines = [f"GET {target} HTTP/1.1", f"Host: {NAME}", *(f"{k}: {v}" for k, v in extra.items())]
            sock.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            received = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
        assert "200 OK" in received
        assert "__Host-" not in received


def cookies_of(headers: http.client.HTTPMessage) -> dict[str, str]:
    """Name → the whole line."""
    return {line.partition("=")[0]: line for line in headers.get_all("Set-Cookie") or []}


def test_cookies_of_the_two_worlds_are_two(site: Site) -> None:
    code = site.household.guardians.link("Mum")
    status, headers, _ = site.ask(
        "/signin", "POST", f"code={code}", Origin=f"https://{NAME}",
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert status == 303, status
    assert headers["Location"].startswith("/")
    set_here = cookies_of(headers)
    assert set(set_here) == {"__Host-qalqan", "__Host-qalqan-known"}
    for line in set_here.values():
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} <= set(line.split("; "))
        assert "Domain" not in line
    value = set_here["__Host-qalqan"].partition("=")[2].partition(";")[0]
    assert site.ask("/parent/", Cookie=f"__Host-qalqan={value}")[0] == 200
    assert site.ask("/parent/", Cookie=f"qalqan={value}")[0] == 303, (
        "the plain one's name counts nothing here"
    )
    for name in ("qalqan", f"qalqan-{site.port}", "__Host-qalqan"):
        assert ask(site.port, "/parent/", Cookie=f"{name}={value}")[0] == 303, (
            "nor is it good over plain HTTP"
        )


def test_what_was_heard_over_plain_http_opens_nothing_at_the_name(site: Site) -> None:
    code = site.household.guardians.link("Mum")
    own = f"{DEVICE}:{site.port}"
    connection = http.client.HTTPConnection(DEVICE, site.port, timeout=5)
    with closing(connection):
        form = {"Origin": f"http://{own}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/signin", f"code={code}", form)
        answer = connection.getresponse()
        answer.read()
        (line,) = (cookie for cookie in answer.headers.get_all("Set-Cookie") or [] if "known" not in cookie)
    assert "Secure" not in line
    value = line.partition("=")[2].partition(";")[0]
    assert ask(site.port, "/parent/", Cookie=f"qalqan-{site.port}={value}")[0] == 200
    assert site.ask("/parent/", Cookie=f"__Host-qalqan={value}")[0] == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": f"https://{NAME}"}, 303),
        ({"Sec_Fetch_Site": "same-origin"}, 303),
        ({"Origin": f"http://{NAME}"}, 403),
        ({"Origin": "http://qalqan.home.arpa"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Origin": f"https://{NAME}"}, 403),
        ({}, 403),
        ({"Host": "qalqan.home.arpa", "Origin": "https://qalqan.home.arpa"}, 421),
        ({"Host": "192.168.1.1", "Origin": "https://192.168.1.1"}, 421),
        ({"Host": "evil.example", "Origin": "https://evil.example"}, 421),
    ],
)
def test_forms_come_from_the_name_itself(site: Site, headers: dict[str, str], status: int) -> None:
    kind = "application/x-www-form-urlencoded"
    assert site.ask("/language", "POST", "language=kk&to=/my", Content_Type=kind, **headers)[0] == status


@pytest.mark.parametrize("name", [None, "qalqan.home.arpa", f"x.{NAME}", "gw.isp.test"])
def test_another_name_gets_an_error_that_nobody_can_pass(site: Site, name: str | None) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        site.connect(name)


def test_versions_of_tls(site: Site) -> None:
    with site.connect(maximum_version=ssl.TLSVersion.TLSv1_2) as tls:
        assert tls.version() == "TLSv1.2"
    with site.connect() as tls:
        assert tls.version() == "TLSv1.3"
    plain = socket.create_connection((DEVICE, site.tls_port), timeout=10)
    with plain:  # a hello of TLS 1.1, for no client of today makes one
        name = NAME.encode()
        listed = bytes([0]) + len(name).to_bytes(2, "big") + name
        sni = b"\0\0" + (len(listed) + 2).to_bytes(2, "big") + len(listed).to_bytes(2, "big") + listed
        body = (
            b"\x03\x02"
            + bytes(32)
            + b"\0"
            + b"\0\x04\xc0\x09\xc0\x13"
            + b"\x01\0"
            + len(sni).to_bytes(2, "big")
            + sni
        )
        hello = b"\x01" + len(body).to_bytes(3, "big") + body
        plain.sendall(b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello)
        assert plain.recv(7)[-2:] == b"\x02\x46", "fatal: protocol version"


def stream_of(site: Site, cookie: str) -> ssl.SSLSocket:
    tls = site.connect()
    tls.sendall(f"GET /parent/stream HTTP/1.1\r\nHost: {NAME}\r\nCookie: {cookie}\r\n\r\n".encode())
    assert b"text/event-stream" in tls.recv(4096)
    return tls


def goes_on(stream: ssl.SSLSocket) -> None:
    """It beats after ten seconds of silence; pieces of TLS may end anywhere."""
    stream.settimeout(longest(15))
    received = b""
    while b": beat" not in received:
        piece = stream.recv(4096)
        assert piece, f"the stream ended after {received!r}"
        received += piece


def signed_in(site: Site) -> str:
    code = site.household.guardians.link("Mum")
    kind = "application/x-www-form-urlencoded"
    _, headers, _ = site.ask("/signin", "POST", f"code={code}", Origin=f"https://{NAME}", Content_Type=kind)
    return cookies_of(headers)["__Host-qalqan"].partition(";")[0]


def shown(site: Site) -> bytes:
    with site.connect() as tls:
        return tls.getpeercert(binary_form=True) or b""


@pytest.mark.system  # the process looks for a new certificate every five seconds
def test_a_new_certificate_is_shown_while_a_stream_runs_on(own: Site) -> None:
    stream, before, front = stream_of(own, signed_in(own)), shown(own), own.front()
    with stream:
        own.authority.issue(days=(-1, 80)).put(own.folder)
        eventually(lambda: shown(own) != before)
        goes_on(stream)
    assert own.front() == front, "the process too"


@pytest.mark.system  # the process looks for a new certificate every five seconds
def test_a_pair_that_does_not_fit_changes_nothing(own: Site) -> None:
    before = shown(own)
    (own.folder / "key.pem").write_bytes(own.authority.issue().key)
    time.sleep(6)
    assert shown(own) == before


@pytest.mark.system  # the process looks for a new certificate every five seconds
def test_when_it_has_ended_nobody_is_met_and_plain_http_goes_on(own: Site) -> None:
    cookie = signed_in(own)
    stream = stream_of(own, cookie)
    # Ends in a moment, as far as the front knows; the one before it was good for long.
    own.authority.issue(days=(-60, 6 / 86400)).put(own.folder)
    eventually(lambda: not own.listens(), 30)
    assert ask(own.port, "/my")[0] == 200
    with stream:
        goes_on(stream)
    own.authority.issue().put(own.folder)
    eventually(own.listens)
    assert own.ask("/my")[0] == 200


def test_a_front_that_dies_comes_back_and_ends_with_the_pages(own: Site) -> None:
    first = own.front()
    assert first
    os.kill(first, signal.SIGKILL)
    eventually(lambda: own.front() not in (0, first) and own.listens())
    assert own.ask("/my")[0] == 200
    assert ask(own.port, "/my")[0] == 200
    second = own.front()
    own.process.kill()  # no last word
    eventually(lambda: not Path(f"/proc/{second}").exists() or _ended(second), 5)
    assert not own.listens()


def test_without_a_free_descriptor_one_connection_is_closed_and_the_front_stays(own: Site) -> None:
    assert own.ask("/my")[0] == 200
    front = own.front()
    eventually(lambda: is_calm(own.process.pid))
    with scarce_descriptors(own.process.pid), pytest.raises((ConnectionError, ssl.SSLError)):
        own.ask("/my")
    assert own.ask("/my")[0] == 200
    assert own.front() == front


def test_a_front_that_cannot_start_is_tried_again(tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as other, served(tmp_path, other.getsockname()[1]) as site:
        assert ask(site.port, "/my")[0] == 200, "plain HTTP goes on"
        time.sleep(2.0)
        assert ask(site.port, "/my")[0] == 200
        other.close()
        eventually(site.listens)
        assert site.ask("/my")[0] == 200


def _ended(pid: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_five_hundred_connections_of_one_device_stop_nobody(own: Site) -> None:
    crowd: list[socket.socket] = []
    try:
        for number in range(500):
            one = socket.socket()
            one.bind(("127.0.0.9", 0))
            one.setblocking(False)
            one.connect_ex((DEVICE, own.tls_port))
            crowd.append(one)
            if number % 50 == 49:
                for each in crowd[number - 49 :]:
                    try:
                        each.send(b"\x16\x03\x01\x02\0\x01")  # the beginning of a hello
                    except OSError:
                        continue
        for _ in range(5):
            began = time.monotonic()
            assert ask(own.port, "/my")[0] == 200
            assert own.ask("/my")[0] == 200, "another device is met at the name as well"
            assert time.monotonic() - began < longest(5.0, below=GREETING)
    finally:
        for line in crowd:
            line.close()


def test_what_the_front_holds(own: Site) -> None:
    lines = [own.connect(source=f"127.0.0.{10 + number % 4}") for number in range(64)]
    try:
        status = Path(f"/proc/{own.front()}/status").read_text()
        assert core_limits(own.front()) == core_limits(own.process.pid) == NONE
    finally:
        for line in lines:
            line.close()
    held = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    print(json.dumps({"front, resident with 64 connections, MB": round(held, 1)}))
    assert held <= MOST_MB


def test_a_long_problem_is_sent_in_one_message(tmp_path: Path) -> None:
    """The pages would take one that was cut for none of the front's."""
    loop = Loop()
    ours, pages = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    files = {"certificate": f"/{'a' * 1500}", "key": str(tmp_path / "key.pem")}
    settings = {"name": NAME, **files, "sockets": [], "pages": pages.detach()}
    with closing(Front(loop, settings)), ours:
        loop.on_readable(ours, loop.stop)
        loop.call_later(longest(PATIENCE), loop.stop)
        loop.run()
        said = json.loads(ours.recv(MESSAGE))
    assert said["until"] is None
    assert said["problem"].startswith("/aaa")
    assert len(said["problem"]) == MOST_SAID
    assert len(json.dumps({"until": 1 << 40, "problem": MOST_SAID * "ы"})) <= MESSAGE
