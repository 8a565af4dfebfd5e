from __future__ import annotations

import errno
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event

import pytest

from gateway.control.client import Unreachable
from gateway.control.listener import PATH_LIMIT
from gateway.control.protocol import REQUEST_LIMIT, ControlRequest, Handler
from gateway.control.server import (
    BACKLOG_LIMIT,
    CONNECTIONS_LIMIT,
    ControlServer,
    WebUser,
)
from gateway.core.errors import ControlError, GatewayError
from gateway.core.loop import Loop
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps
from tests import pace
from tests.control.running import PATIENCE, Running, running
from tests.entering import let_others_in
from tests.rawclient import RawClient
from tests.sentences import sentence

NOBODY = 65534
ROOT = os.geteuid() == 0


def echo(request: ControlRequest) -> dict[str, object]:
    return {"role": request.role, "uid": request.uid, "values": dict(request.values)}


def broken(_: ControlRequest) -> dict[str, object]:
    msg = "no such profile\nat all"
    raise GatewayError(msg)


def stepped(request: ControlRequest) -> Steps[Mapping[str, object]]:
    """Take steps until the test lets it end."""
    GATE.begun.set()
    while not GATE.opened.is_set():
        yield
    GATE.ended.set()
    if request.values.get("fails"):
        broken(request)
    return {"steps": "done"}


def unwritable(_: ControlRequest) -> Steps[Mapping[str, object]]:
    yield
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/var/lib/qalqan/file")


class Gate:
    def __init__(self) -> None:
        self.begun, self.opened, self.ended = Event(), Event(), Event()

    def close(self) -> None:
        for event in (self.begun, self.opened, self.ended):
            event.clear()


GATE = Gate()
VERBS: Mapping[str, Handler] = {
    "status": echo,
    "reload": echo,
    "broken": broken,
    "stepped": stepped,
    "unwritable": unwritable,
}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "control.sock", VERBS) as it:
        yield it


def connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    sock.connect(str(path))
    return sock


def read_line(sock: socket.socket) -> dict[str, object]:
    with sock.makefile("rb") as stream:
        answer = json.loads(stream.readline())
    assert isinstance(answer, dict)
    return answer


def test_a_verb_gets_the_values_and_who_asked(daemon: Running) -> None:
    answer = RawClient(daemon.path).call("status", who="дочь", minutes=30)
    assert answer == {"role": "owner", "uid": os.geteuid(), "values": {"who": "дочь", "minutes": 30}}


def test_a_verb_in_steps_leaves_turns_to_other_clients_and_keeps_its_order(daemon: Running) -> None:
    GATE.close()
    with connect(daemon.path) as first, connect(daemon.path) as second:
        lines = first.makefile("rb")
        first.sendall(b'{"do": "stepped"}\n{"do": "status"}\n')
        assert GATE.begun.wait(PATIENCE)
        second.sendall(b'{"do": "status"}\n')
        assert read_line(second)["ok"], "the other client does not wait"
        GATE.opened.set()
        answers = [json.loads(lines.readline()) for _ in range(2)]
        assert [answer.get("steps") for answer in answers] == ["done", None]
    with pytest.raises(ControlError, match="no such profile at all"):
        RawClient(daemon.path).call("stepped", fails=True)


def test_a_verb_in_steps_is_finished_though_its_client_is_gone(daemon: Running) -> None:
    GATE.close()
    with connect(daemon.path) as sock:
        sock.sendall(b'{"do": "stepped"}\n')
        assert GATE.begun.wait(PATIENCE)
    assert RawClient(daemon.path).call("status")["role"] == "owner"
    GATE.opened.set()
    assert GATE.ended.wait(PATIENCE)
    assert RawClient(daemon.path).call("status")["role"] == "owner"


def test_a_refusal_is_one_line(daemon: Running) -> None:
    with pytest.raises(ControlError, match=r"^no such profile at all$"):
        RawClient(daemon.path).call("broken")


def test_an_error_of_the_disk_ends_its_request_and_not_the_daemon(
    daemon: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ControlError) as refused:
        RawClient(daemon.path).call("unwritable")
    assert str(refused.value) == "the request failed (Read-only file system); look at the disk and the log"
    assert "/var/lib/qalqan/file" in caplog.text
    assert RawClient(daemon.path).call("status")["values"] == {}


def test_an_unknown_verb_names_the_known_ones(daemon: Running) -> None:
    with pytest.raises(ControlError, match="broken, events, reload, status"):
        RawClient(daemon.path).call("nonsense")


def test_the_socket_is_closed_to_others(daemon: Running) -> None:
    mode = daemon.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


def test_requests_may_come_in_any_pieces_and_in_one_piece(daemon: Running) -> None:
    with connect(daemon.path) as sock:
        for byte in b'{"do":"status"}\n':
            sock.send(bytes([byte]))
        assert read_line(sock)["ok"] is True
        sock.send(b'{"do":"nonsense"}\n' + b'{"do":"status"}\n')
        with sock.makefile("rb") as stream:
            assert [json.loads(stream.readline())["ok"] for _ in range(2)] == [False, True]


@pytest.mark.parametrize("junk", [b"\x00\xff\n", b"[]\n", b"GET / HTTP/1.1\n", b"\n"])
def test_junk_is_answered_and_the_connection_lives(daemon: Running, junk: bytes) -> None:
    with connect(daemon.path) as sock:
        sock.send(junk)
        assert read_line(sock)["ok"] is False
        sock.send(b'{"do":"status"}\n')
        assert read_line(sock)["ok"] is True


def test_an_endless_line_is_refused_and_cut(daemon: Running) -> None:
    with connect(daemon.path) as sock:
        sock.sendall(b"x" * (REQUEST_LIMIT + 1))
        with sock.makefile("rb") as stream:
            assert b"longer than" in stream.readline()
            assert stream.readline() == b""


def test_events_reach_subscribers_of_their_kind_only(daemon: Running) -> None:
    client = RawClient(daemon.path)
    with client.events(idle=10) as everything, client.events(("status",), idle=0.2) as states:
        daemon.submit(lambda: daemon.server.publish("refusal", host="x.kz"))
        daemon.submit(lambda: daemon.server.publish("status", profile="daughter"))
        assert next(everything) == {"event": "refusal", "host": "x.kz"}
        assert next(everything) == {"event": "status", "profile": "daughter"}
        assert next(one for one in states if one is not None) == {"event": "status", "profile": "daughter"}
        assert next(states) is None
        assert daemon.server.wanted("refusal")
    assert pace.until(lambda: not daemon.server.wanted("refusal"), 5.0) is not None


def test_a_stream_ends_when_the_daemon_does(tmp_path: Path) -> None:
    with running(tmp_path / "control.sock", VERBS) as daemon:
        stream = RawClient(daemon.path).events(idle=5)
    with stream, pytest.raises(Unreachable, match="closed the connection"):
        next(stream)


def test_a_reader_that_does_not_read_is_dropped_and_others_go_on(daemon: Running) -> None:
    client = RawClient(daemon.path)
    text = "x" * 8000
    with client.events(), client.events(("other",), idle=0.2) as fine:
        for _ in range(4 * BACKLOG_LIMIT // len(text)):
            daemon.submit(lambda: daemon.server.publish("refusal", text=text))
        assert not daemon.server.wanted("refusal")
        assert daemon.server.wanted("other")
        assert next(fine) is None
        assert client.call("status")


def test_kinds_must_be_a_list_of_words(daemon: Running) -> None:
    with pytest.raises(ControlError, match="must be a list"):
        RawClient(daemon.path).call("events", kinds="pause")


def test_idle_connections_give_way_to_new_ones(daemon: Running) -> None:
    held = [connect(daemon.path) for _ in range(CONNECTIONS_LIMIT)]
    assert RawClient(daemon.path).call("status")
    assert held[0].recv(1) == b""
    for sock in held:
        sock.close()


def test_streams_do_not_give_way_and_the_refusal_says_so(daemon: Running) -> None:
    client = RawClient(daemon.path)
    streams = [client.events() for _ in range(CONNECTIONS_LIMIT)]
    with pytest.raises(ControlError, match=sentence(Code.BUSY)):
        client.call("status")
    for stream in streams:
        stream.close()


def test_two_daemons_at_once(daemon: Running) -> None:
    loop = Loop()
    with pytest.raises(ControlError, match="another daemon uses"):
        ControlServer(loop, daemon.path, VERBS)
    loop.close()
    assert RawClient(daemon.path).call("status")


SERVE = """
import sys, pathlib
from gateway.control.server import ControlServer
from gateway.core.loop import Loop
loop = Loop()
server = ControlServer(loop, pathlib.Path(sys.argv[1]), {"status": lambda request: {}})
print("ready", flush=True)
loop.run()
"""


def test_the_socket_of_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with subprocess.Popen([sys.executable, "-c", SERVE, str(path)], stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"ready\n"
        killed.kill()
    assert path.is_socket()
    with pytest.raises(Unreachable, match="the daemon does not run"):
        RawClient(path).call("status")
    with running(path, VERBS):
        assert RawClient(path).call("status")
    assert not path.exists()


def test_something_else_in_the_socket_s_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    loop = Loop()
    with pytest.raises(ControlError, match="is not a socket; move it away"):
        ControlServer(loop, path, VERBS)
    loop.close()
    assert path.read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_said_at_once(tmp_path: Path) -> None:
    loop = Loop()
    with pytest.raises(ControlError, match=f"at most {PATH_LIMIT} bytes"):
        ControlServer(loop, tmp_path / ("x" * PATH_LIMIT), VERBS)
    loop.close()


def test_an_unknown_web_user_is_named() -> None:
    with pytest.raises(ControlError, match="no user 'qalqan-nobody-here'"):
        WebUser.named("qalqan-nobody-here")


def test_the_web_user_is_found_by_name() -> None:
    assert WebUser.named("root") == WebUser(0, 0)


ASK = """
import os, sys, pathlib
sys.path.insert(0, sys.argv[3])
from tests.rawclient import RawClient
from gateway.core.errors import ControlError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    print(RawClient(pathlib.Path(sys.argv[1])).call(sys.argv[2]))
except ControlError as error:
    print(error)
"""


def ask_as_nobody(path: Path, verb: str) -> str:
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(path), verb, root], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """A directory that other users can walk into."""
    let_others_in(tmp_path)
    return tmp_path / "control.sock"


@pytest.mark.needs("root")  # to become somebody else
def test_the_web_user_may_ask_what_the_pages_need_and_nothing_else(public: Path) -> None:
    with running(public, VERBS, web=WebUser(NOBODY, NOBODY)):
        assert "'role': 'web', 'uid': 65534" in ask_as_nobody(public, "status")
        assert "the web pages may not use 'reload'" in ask_as_nobody(public, "reload")


@pytest.mark.needs("root")  # to become somebody else
def test_any_other_user_is_refused_even_where_the_file_lets_it_in(public: Path) -> None:
    with running(public, VERBS):
        assert "permission denied" in ask_as_nobody(public, "status")
        public.chmod(0o666)
        assert "user 65534 may not use this socket" in ask_as_nobody(public, "status")


def test_a_verb_hears_when_the_one_who_asked_is_gone(tmp_path: Path) -> None:
    gone: list[str] = []

    def hold(request: ControlRequest) -> dict[str, object]:
        name = request.text("name")
        request.when_gone(lambda: gone.append(name))
        return {}

    path = tmp_path / "control.sock"

    def settled() -> bool:
        RawClient(path).call("status")
        return bool(gone)

    with running(path, {**VERBS, "hold": hold}):
        sock = connect(path)
        for name in ("first", "second"):
            sock.sendall(json.dumps({"do": "hold", "name": name}).encode() + b"\n")
            assert read_line(sock)["ok"]
        assert not settled()
        sock.close()
        assert pace.until(settled, 5.0) is not None
        assert gone == ["second"], "the last one counts, once"
