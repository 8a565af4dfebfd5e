"""`certificate check`, `install` and `name`, and what `check` says before a certificate ends."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.message
import dns.rrset
import pytest

from gateway.check import trusted_name as check_name
from gateway.cli.settings import read_config
from gateway.control.listener import WebUser
from gateway.dataplane import lookups
from gateway.policy.config.web import PAGES
from tests.cli.conftest import Qalqan
from tests.entering import as_another_user
from tests.web.authority import NAME, Pair, TrustedAuthority

AUTHORITY = TrustedAuthority()


class Resolver:
    """The gateway's own, on loopback: these addresses, whatever it is asked for; None: it is silent."""

    def __init__(self) -> None:
        self.addresses: tuple[str, ...] | None = ()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.port: int = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while (found := self._sock.recvfrom(4096))[0]:
            query, peer = dns.message.from_wire(found[0]), found[1]
            if self.addresses is None:
                continue
            response, kind = dns.message.make_response(query), query.question[0].rdtype
            for address in self.addresses:
                if kind == (28 if ":" in address else 1):
                    response.answer.append(
                        dns.rrset.from_text(query.question[0].name, 60, "IN", kind, address)
                    )
            self._sock.sendto(response.to_wire(), peer)

    def close(self) -> None:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._sock.close()


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(lookups, "PORT", made.port)
    monkeypatch.setattr(check_name, "resolvers", lambda: ("127.0.0.1",))
    yield made
    made.close()


@pytest.fixture
def named(config: Path, tmp_path: Path) -> Path:
    """Its files are to be in ``tls``."""
    tls = tmp_path / "tls"
    https = {"name": NAME, "certificate": f"{tls}/chain.pem", "key": f"{tls}/key.pem"}
    config.write_text(config.read_text() + f"web: {json.dumps({'https': https})}\n")
    return tls


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """What a client of an authority has fetched."""
    folder = tmp_path / "fetched"
    folder.mkdir()
    AUTHORITY.issue().put(folder)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_good_pair_is_installed_whole(qalqan: Qalqan, config: Path, named: Path, fresh: Path) -> None:
    done = qalqan("certificate", "install", fresh / "chain.pem", fresh / "key.pem", "--config", config)
    assert done.status == 0, done
    day = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"
    assert done.out == f"The certificate of {NAME} is valid until {day}, 59 days from now.\n"
    for name in ("chain.pem", "key.pem"):
        assert (named / name).read_bytes() == (fresh / name).read_bytes()
    assert mode(named / "chain.pem") == 0o644
    assert mode(named / "key.pem") == 0o600, "there is no user of the pages here"
    assert sorted(path.name for path in named.iterdir()) == ["chain.pem", "key.pem"], "nothing is left behind"
    again = qalqan("certificate", "check", "--config", config)
    assert (again.status, again.out) == (0, done.out)


@pytest.mark.needs("root")
def test_the_key_is_for_root_and_the_pages_alone(
    qalqan: Qalqan, config: Path, named: Path, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = WebUser(64_991, 64_992)
    monkeypatch.setattr(WebUser, "found", classmethod(lambda _: web))
    assert (
        qalqan("certificate", "install", fresh / "chain.pem", fresh / "key.pem", "--config", config).status
        == 0
    )
    state = (named / "key.pem").stat()
    assert (mode(named / "key.pem"), state.st_uid, state.st_gid) == (0o640, 0, web.gid)
    found = qalqan("check", "--config", config).out
    assert "ok certificate: " in found
    assert "warning certificate" not in found
    (named / "key.pem").chmod(0o600)
    found = qalqan("check", "--config", config).out
    unread = f"warning certificate: {named}/key.pem cannot be read by qalqan-web, the user of the pages"
    assert unread in found
    (named / "key.pem").chmod(0o644)
    assert f"{named}/key.pem is open to others than the pages" in qalqan("check", "--config", config).out


def test_each_thing_that_is_wrong_is_a_line_and_nothing_is_installed(
    qalqan: Qalqan, config: Path, named: Path, fresh: Path
) -> None:
    good = qalqan("certificate", "install", fresh / "chain.pem", fresh / "key.pem", "--config", config)
    assert good.status == 0
    before = {file: (named / file).read_bytes() for file in ("chain.pem", "key.pem")}
    Pair(AUTHORITY.issue("www.isp.test", days=(-90, -1)).chain, AUTHORITY.issue().key).put(fresh)
    done = qalqan("certificate", "install", fresh / "chain.pem", fresh / "key.pem", "--config", config)
    assert done.status == 1
    wrong = done.out.splitlines()
    assert [line.partition(";")[0].split(" on ")[0] for line in wrong] == [
        f"chain.pem is for www.isp.test, not for {NAME}",
        "key.pem belongs to another certificate",
        "the certificate expired",
    ]
    assert done.refusal == f"certificate: nothing was installed for {NAME}; fix the problems above"
    assert {file: (named / file).read_bytes() for file in before} == before
    checked = qalqan("certificate", "check", fresh / "chain.pem", fresh / "key.pem", "--config", config)
    assert (checked.status, checked.out, checked.err) == (1, done.out, "")


def test_a_file_that_is_not_there(qalqan: Qalqan, config: Path, named: Path) -> None:
    done = qalqan("certificate", "check", "--config", config)
    assert done.status == 1
    assert done.out.splitlines() == [
        f"{named}/chain.pem does not exist; create it, or use another path",
        f"{named}/key.pem does not exist; create it, or use another path",
    ]


def test_a_token_file_that_is_not_text_is_refused_in_one_line(
    qalqan: Qalqan, config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfet\0o\0k\0")  # as an editor of Windows writes it
    words = ("certificate", "get", NAME, "--provider", "cloudflare", "--email", "mum@home.example")
    refusal = qalqan(*words, "--token-file", file, "--config", config).refusal
    assert refusal == f"certificate: {file} is not UTF-8 text; save the file as UTF-8"


def test_without_a_name_in_the_file(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("certificate", "check", "--config", config)
    assert done.refusal == (
        f"certificate: {config} has none; write web: {{https: {{name, certificate, key}}}} there"
    )
    assert "certificate" not in qalqan("check", "--config", config).out


def test_a_name_that_nobody_guesses(qalqan: Qalqan, config: Path) -> None:
    made = {qalqan("certificate", "name", "GW.isp.test").out.strip() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"[a-z2-7]{16}\.gw\.isp\.test", name) for name in made)
    assert qalqan("certificate", "name", "gw..test").refusal.startswith("certificate: 'gw..test' ")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ((-1, 60), f"ok certificate: that of {NAME} is good until "),
        ((-76, 13.9), f"warning certificate: that of {NAME} is good until "),
        ((-90, -1), "warning certificate: the certificate expired on "),
        ((1, 90), "warning certificate: the certificate is valid from "),
    ],
)
def test_check_says_so_two_weeks_before_the_end(
    qalqan: Qalqan, config: Path, named: Path, days: tuple[float, float], said: str
) -> None:
    named.mkdir()
    AUTHORITY.issue(days=days).put(named)
    os.chmod(named / "key.pem", 0o600)
    done = qalqan("check", "--config", config)
    lines = [line for line in done.out.splitlines() if " certificate: " in line]
    assert [line.startswith(said) for line in lines] == [True], lines
    assert ("docs/providers/trusted-name.md" in lines[0]) == said.startswith("warning")
    if days[1] == 13.9:
        assert ", 13 days from now: find out why it was not renewed" in lines[0]
    if days[1] < 0:
        assert ": the pages are plain HTTP: " in lines[0]


def test_check_says_what_does_not_fit(qalqan: Qalqan, config: Path, named: Path) -> None:
    named.mkdir()
    Pair(AUTHORITY.issue().chain, AUTHORITY.issue().key).put(named)
    found = qalqan("check", "--config", config).out
    assert "warning certificate: key.pem belongs to another certificate: give the key with which" in found
    assert "ok certificate" not in found


@pytest.mark.needs("root")  # to give it up
def test_check_without_root_names_a_key_that_it_cannot_reach(config: Path, named: Path) -> None:
    named.mkdir()
    AUTHORITY.issue().put(named)
    named.chmod(0o700)
    settings = read_config(config)
    with as_another_user(named.parent):
        found = [str(finding) for finding in check_name.certificate_findings(settings)]
    assert found == [f"note certificate: {named}/key.pem cannot be read without root"]


@pytest.mark.parametrize(
    ("published", "said"),
    [
        ((), ""),  # nothing has to be
        (PAGES, f"ok certificate: {NAME} points to this gateway on the internet too"),
        (PAGES[:1], f"ok certificate: {NAME} points to this gateway on the internet too"),
        (
            (PAGES[0], "203.0.113.9", "2001:db8::9"),
            f"warning certificate: {NAME} points to 203.0.113.9, 2001:db8::9 on the internet, and devices "
            f"with encrypted DNS go there: publish {PAGES[0]} and {PAGES[1]} there, or nothing: "
            "docs/providers/trusted-name.md",
        ),
        (None, ""),  # no resolver answers: of that another line tells
    ],
)
def test_check_says_where_the_name_leads(
    qalqan: Qalqan,
    config: Path,
    named: Path,
    resolver: Resolver,
    monkeypatch: pytest.MonkeyPatch,
    published: tuple[str, ...] | None,
    said: str,
) -> None:
    named.mkdir()
    AUTHORITY.issue().put(named)
    os.chmod(named / "key.pem", 0o600)
    resolver.addresses = published
    monkeypatch.setattr(check_name, "PATIENCE", 0.2 if published is None else 10.0)
    found = [
        line for line in qalqan("check", "--config", config).out.splitlines() if " certificate: " in line
    ]
    assert found[1:] == ([said] if said else [])


def test_check_asks_for_no_name_where_there_is_none(
    qalqan: Qalqan, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_name, "published", lambda name: pytest.fail(f"asked for {name}"))
    assert "certificate" not in qalqan("check", "--config", config).out
