"""Messages by Apprise: real servers receive them, and the process reaches nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_string, policy
from typing import Any

import pytest

from gateway.core.http_client import Inside, Outside
from gateway.policy.alerts.channels import service_name
from gateway.web.apprise_message import MessageGuard
from tests.web.message_servers import MailServer, WebServer, running
from webui.messages.sender_process import ENVIRONMENT

BOT = "tgram://123456789:AAHabcdefghijklmnopqrstuvwxyz12345-_6/12345/"
TEXT = "1 request waits.\nhttp://qalqan.home.arpa/parent/requests"
# This machine's own servers are neither on the internet nor in the home.
UNGUARDED = "from gateway.web.apprise_message import main; raise SystemExit(main(guarded=False))"
MISSING = "import sys; sys.modules['apprise'] = None; from gateway.web.apprise_message import main; main()"


def process(code: str, **request: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, *(("-c", code) if code else ("-m", "gateway.web.apprise_message"))]
    request_line = json.dumps({"do": "send", "title": "Qalqan «дом»", "text": TEXT, **request})
    proxies = dict.fromkeys(("http_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")  # are not used
    return subprocess.run(
        argv,
        input=request_line,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **proxies, **ENVIRONMENT},
    )


def answer(address: str, code: str = "", **request: object) -> dict[str, Any]:
    done = process(code, address=address, **request)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with running(WebServer()) as server:
        yield server


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with running(MailServer()) as server:
        yield server


def test_a_web_server_gets_title_text_and_link(web: WebServer) -> None:
    assert answer(f"json://127.0.0.1:{web.server_port}/hook", UNGUARDED) == {"sent": True}
    got = web.got[-1]
    assert (got["title"], got["message"]) == ("Qalqan «дом»", TEXT)
    assert "http" not in json.dumps({**got, "message": ""}), "no address of a picture"


def test_a_mail_server_gets_a_message_to_the_recipient(mail: MailServer) -> None:
    to = f"mailto://home.test:{mail.server_address[1]}?smtp=127.0.0.1&from=gate@home.test&to=mum@home.test"
    assert answer(to, UNGUARDED) == {"sent": True}
    got = message_from_string(mail.got[-1], policy=policy.default)
    assert (got["To"], got["Subject"]) == ("mum@home.test", "Qalqan «дом»")
    body = got.get_body(("plain", "html"))
    assert body is not None
    assert "1 request waits." in body.get_content()


def test_a_wrong_password_is_told_from_other_failures(mail: MailServer) -> None:
    to = f"mailto://mum:wrong@home.test:{mail.server_address[1]}?smtp=127.0.0.1"
    assert answer(to, UNGUARDED) == {"failed": "credentials", "status": 535}


@pytest.mark.parametrize(("path", "why"), [
    ("503", {"failed": "refused", "status": 503}), ("429", {"failed": "refused", "status": 429}),
    ("401", {"failed": "credentials", "status": 401}), ("302", {"failed": "refused", "status": 302}),
])  # fmt: skip
def test_the_server_s_code_is_returned(web: WebServer, path: str, why: dict[str, Any]) -> None:
    assert answer(f"json://127.0.0.1:{web.server_port}/{path}", UNGUARDED) == why


@pytest.mark.parametrize(("host", "why"), [("127.0.0.1:1", "unreachable"), ("nobody.invalid:80", "no_name")])
def test_what_is_not_there_is_told_so(host: str, why: str) -> None:
    assert answer(f"json://{host}/x", UNGUARDED) == {"failed": why}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "0x7f000001"])
@pytest.mark.parametrize(("inside", "why"), [(False, "not_outside"), (True, "not_inside")])
def test_this_machine_is_not_reached(web: WebServer, host: str, inside: bool, why: str) -> None:
    before = web.asked
    assert answer(f"json://{host}:{web.server_port}/x", inside=inside)["failed"] in (why, "no_name")
    assert web.asked == before


@pytest.mark.parametrize("address", [
    "dbus://", "syslog://", "gnome://", "macosx://", "windows://", "glib://", "exec://ls", "file:///etc/passwd",
    "rsyslog://127.0.0.1", "https://ntfy.sh/topic", "tgram", "JSON://127.0.0.1/x", "",
])  # fmt: skip
def test_no_other_scheme_is_taken(address: str) -> None:
    done = process("", address=address)
    assert (done.returncode, done.stdout) == (2, "")
    assert not service_name(address) or address.startswith("https")


def test_an_address_is_checked_without_a_connection(web: WebServer) -> None:
    before = web.asked
    assert "failed" not in answer(f"json://127.0.0.1:{web.server_port}/x", do="check")
    assert "failed" not in answer(
        "tgram://123456789:AAHabcdefghijklmnopqrstuvwxyz12345-_6/12345/", do="check"
    )
    assert answer("tgram://not-a-token/12345/", do="check") == {"failed": "address"}
    assert web.asked == before


def test_without_the_package_the_answer_says_so() -> None:
    assert answer("json://example.org/x", MISSING) == {"failed": "missing"}


@pytest.mark.parametrize(("event", "args"), [
    ("open", ("/etc/passwd", "r", os.O_RDONLY)), ("open", (b"/etc/shadow", "r", os.O_RDONLY)),
    ("open", (sys.prefix + "/../../../../../../etc/passwd", "r", os.O_RDONLY)),
    ("open", (sys.prefix + "/new", "w", os.O_WRONLY | os.O_CREAT)),
    ("subprocess.Popen", ("ls", ["ls"], None, None)), ("os.system", ("ls",)), ("os.fork", ()),
    ("socket.connect", (None, "/run/qalqan/control.sock")), ("socket.connect", (None, b"\0hidden")),
    ("socket.connect", (None, ("127.0.0.1", 80))), ("socket.connect", (None, ("::1", 80, 0, 0))),
    ("socket.connect", (None, ("localhost", 80))), ("socket.sendto", (None, ("192.168.1.1", 53))),
    ("socket.connect", (None, ("169.254.169.254", 80))),
])  # fmt: skip
@pytest.mark.parametrize("kind", [Outside, Inside])
def test_files_programs_and_other_servers_are_refused(
    event: str, args: tuple[Any, ...], kind: type[Outside]
) -> None:
    guard = MessageGuard(kind(networks=lambda: ()), "not_outside")
    with pytest.raises(PermissionError):
        guard(event, args)
    assert guard.refused in ("address", "not_outside")


def test_what_a_message_needs_is_allowed() -> None:
    guard = MessageGuard(Outside(networks=lambda: ()), "not_outside")
    guard("open", (os.__file__, "r", os.O_RDONLY))
    guard("open", (os.devnull, "w", os.O_WRONLY))
    guard("open", (3, "r", os.O_RDONLY))
    guard("socket.connect", (None, ("8.8.8.8", 443)))
    guard("socket.sendmsg", (None, None))
    guard("import", ("json", None, None, None, None))
    assert guard.refused == ""
