"""The rpcd plugin under a stand-in for ucode, against the daemon's control server with its real verbs."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.control.protocol import ANSWER_LIMIT, ControlRequest, Role
from gateway.core.reason_codes import Code
from gateway.policy.profile.rules import NAMES_LEVEL
from tests.control.running import running
from tests.features.conftest import at
from tests.features.desk import STRANGER
from tests.features.surfaces import MAXIMA
from tests.openwrt.luci.conftest import Asking, Make
from tests.openwrt.luci.running import PLUGIN, WEBUI, Call, Node
from tests.webui.standin.healthy import TROUBLE, Healthy

pytestmark = pytest.mark.needs("node")

NOW = "2026-11-24T16:30"
HOSTILE = '<img src=x onerror="alert(1)">'
PAGES = {"here": True, "port": "8080", "listen": ""}


def test_the_overview_has_only_what_it_shows(make: Make, asking: Asking) -> None:
    bedtime = {"bedtime": {"school": "20:45-07:00"}, "limits": {}}
    desk = make(NOW, daughter={"name": HOSTILE, **bedtime}, son={"bedtime": {}, "limits": {}})
    (response,) = asking(desk, ("overview", {}))
    assert response.pop("version")
    assert response == {
        "now": "2026-11-24T16:30:00+05:00",
        "mode": "on",
        "off_until": None,
        "stopped_by_provider": False,
        "internet": "works",
        "clock": True,
        "requests": 0,
        "problems": [],
        "pages": PAGES,
        "children": [
            {"id": "daughter", "name": HOSTILE, "state": "open", "until": None,
             "left": {"minutes": 255, "at": "2026-11-24T20:45:00+05:00", "period": "day"}},
            {"id": "son", "name": "Son", "state": "open", "until": None, "left": None},
        ],
    }  # fmt: skip


def test_the_time_left_is_of_the_day_or_of_the_week(make: Make, asking: Asking) -> None:
    limits = {"internet": {"school": "2h", "week": "5h"}}
    desk = make(NOW, daughter={"bedtime": {}, "windows": {}, "limits": limits})
    for earlier, left in ((60, 90), (4 * 60, 30)):
        desk.counted.earlier["daughter"] = {"internet": earlier}
        desk.use("daughter", internet=30)
        (shown,) = asking(desk, ("overview", {}))
        assert shown["children"][0]["left"] == {
            "minutes": left,
            "at": None,
            "period": "week" if left == 30 else "day",
        }


def test_names_in_any_letters_come_through(make: Make, asking: Asking) -> None:
    (response,) = asking(make(NOW, daughter={"name": 'Айғаным \\ "ә" 👧'}), ("overview", {}))
    assert response["children"][0]["name"] == 'Айғаным \\ "ә" 👧'


def test_off_and_a_clock_that_is_not_known_are_told(make: Make, asking: Asking) -> None:
    desk = make(NOW)
    desk.ask("off", minutes=30)
    desk.watch.known = False
    (response,) = asking(desk, ("overview", {}))
    assert (response["mode"], response["off_until"], response["clock"]) == (
        "off",
        "2026-11-24T17:00:00+05:00",
        False,
    )
    assert response["stopped_by_provider"] is False


def test_a_stop_by_the_provider_is_told(make: Make, asking: Asking) -> None:
    desk = make(NOW, provider={"stop_until": "2026-11-24T17:00+05:00"})
    desk.reload()
    (response,) = asking(desk, ("overview", {}))
    assert (response["mode"], response["off_until"]) == ("off", "2026-11-24T17:00:00+05:00")
    assert response["stopped_by_provider"] is True


@pytest.mark.parametrize("band", ["6-9", "13-15", "16-17"])
def test_it_shows_only_the_use_that_the_log_level_allows(make: Make, asking: Asking, band: str) -> None:
    rules = {"band": band, "windows": {}, "bedtime": {}, "limits": {"internet": "1h"}}
    desk = make(NOW, daughter=rules)
    (unused,) = asking(desk, ("overview", {}))
    desk.use("daughter", internet=60)
    (used,) = asking(desk, ("overview", {}))
    if MAXIMA[band] >= NAMES_LEVEL:
        assert (unused["children"][0]["state"], used["children"][0]["state"]) == ("open", "out_of_time")
    else:
        assert used == unused


def test_a_pause_ends_at_the_next_wake_or_after_its_minutes_and_is_resumed(
    make: Make, asking: Asking
) -> None:
    desk = make(NOW, daughter={"bedtime": {"school": "20:45-07:00"}})
    response = asking(
        desk,
        ("pause", {"who": "daughter"}),
        ("pause", {"who": "son", "minutes": 30}),
        ("overview", {}),
        ("resume", {"who": "all"}),
        ("overview", {}),
    )
    assert response[0] == {"done": True, "until": "2026-11-25T07:00:00+05:00"}
    assert response[1] == {"done": True, "until": "2026-11-24T17:00:00+05:00"}
    assert [child["state"] for child in response[2]["children"]] == ["paused", "paused"]
    assert response[3] == {"done": True}
    assert [child["state"] for child in response[4]["children"]] == ["open", "open"]


def test_extra_time_is_given_and_taken_back(make: Make, asking: Asking) -> None:
    desk = make(NOW, daughter={"bedtime": {"school": "20:45-07:00"}, "limits": {}})
    given, more = asking(desk, ("bonus", {"who": "daughter"}), ("overview", {}))
    assert (given["done"], given["minutes"], given["until"]) == (True, 15, "2026-11-24T21:00:00+05:00")
    left = {"minutes": 270, "at": "2026-11-24T21:00:00+05:00", "period": "day"}
    assert more["children"][0]["left"] == left
    back, again, gone = asking(
        desk,
        ("take_back", {"grant": given["grant"]}),
        ("take_back", {"grant": given["grant"]}),
        ("overview", {}),
    )
    assert back == {"done": True}
    assert again == {"error": "refused", "text": Code.NOT_IN_FORCE.sentence}
    assert gone["children"][0]["left"] == {**left, "minutes": 255, "at": "2026-11-24T20:45:00+05:00"}


def test_it_is_written_down_that_the_router_did_it(make: Make, asking: Asking) -> None:
    desk = make(NOW, daughter={"bedtime": {"school": "20:45-07:00"}})
    given = asking(
        desk, ("pause", {"who": "daughter"}), ("resume", {"who": "daughter"}), ("bonus", {"who": "daughter"})
    )[-1]
    asking(desk, ("take_back", {"grant": given["grant"]}))
    desk.store.flush(desk.loop.now(), force=True)
    lines = desk.ask("audit_log", who="router")["lines"]
    assert [one["what"] for one in lines] == ["revoke", "grant", "resume", "pause"]
    assert {(one["who"], one["address"], one["token"]) for one in lines} == {("router", "", "")}
    asking(desk, ("pause", {"who": "daughter"}))
    assert desk.ask("status")["profiles"][0]["owner"] == "family", "a guardian's word it is not"


REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("pause", {"who": "mum"}, Code.NO_CHILD.sentence % {"name": "Mum"}),
    ("pause", {"who": "son", "minutes": -5}, 'pause: "minutes" must be a whole number from 1 to 10080'),
    ("pause", {}, 'pause: "who" is missing'),
    ("resume", {"who": "no\nbody"}, 'resume: "who" must be one printable line of at most 300 characters'),
    ("take_back", {"grant": "x"}, 'revoke: "grant" is missing'),
)


def test_what_the_daemon_refuses_is_told_in_its_words(make: Make, asking: Asking) -> None:
    response = asking(make(NOW), *((method, values) for method, values, _ in REFUSED))
    assert response == [{"error": "refused", "text": text} for *_, text in REFUSED]


def test_other_arguments_than_its_own_never_reach_it(node: Node, tmp_path: Path) -> None:
    """Whoever calls cannot say in whose name, nor how much: rpcd refuses what is not declared."""
    response = node.plugin(
        tmp_path,
        ("pause", {"who": 7}),
        ("pause", {"who": "son", "minutes": "30"}),
        ("pause", {"who": "son", "by": "Mum"}),
        ("bonus", {"who": "son", "minutes": 600}),
        ("overview", {"who": "son"}),
        ("ledger", {"who": "son"}),
    )
    assert [line["status"] for line in response] == [2, 2, 2, 2, 2, 3]


def test_health_is_what_is_to_be_mended_and_no_log(node: Node, tmp_path: Path) -> None:
    healthy, asked = Healthy(), list[dict[str, Any]]()
    healthy.findings = (*healthy.findings, *TROUBLE)

    def health(request: ControlRequest) -> Any:
        asked.append(dict(request.values))
        return healthy.verbs()["health"](request)

    with running(tmp_path / "control.sock", {"health": health}):
        response, again = node.replies(tmp_path, ("health", {}), ("check", {}))
    assert [(finding["level"], finding["fix"]) for finding in response["findings"]] == [
        (one["level"], one["fix"]) for one in TROUBLE
    ]
    assert set(response) == {"now", "running", "ended", "problem", "findings"}
    assert (response["running"], again["running"]) == (False, True)
    assert asked == [{}, {"again": True}]


@pytest.mark.parametrize(
    ("web", "files", "pages"),
    [
        ({}, [WEBUI], PAGES),
        ({"port": "8443", "listen": "192.0.2.1:8443"}, [WEBUI],
         {"here": True, "port": "8443", "listen": "192.0.2.1:8443"}),
        ({"enabled": "0"}, [WEBUI], {**PAGES, "here": False}),
        ({"enabled": "off"}, [WEBUI], {**PAGES, "here": False}),
        ({"enabled": "yes"}, [WEBUI], PAGES),
        ({}, [], {**PAGES, "here": False}),
    ],
)  # fmt: skip
def test_where_the_full_pages_are_is_uci_s_word(
    node: Node, tmp_path: Path, web: dict[str, str], files: list[str], pages: dict[str, Any]
) -> None:
    (response,) = node.replies(tmp_path, ("overview", {}), files=files, web=web)
    assert response["pages"] == pages


ALL: tuple[Call, ...] = (
    ("overview", {}),
    ("health", {}),
    ("check", {}),
    ("pause", {"who": "son"}),
    ("resume", {"who": "son"}),
    ("bonus", {"who": "son"}),
    ("take_back", {"grant": "1"}),
)


def errors(node: Node, runtime: Path) -> set[str]:
    """Of every method, where none has anything to tell."""
    return {one["error"] for one in node.replies(runtime, *ALL)}


def test_no_daemon_is_one_clear_word(node: Node, tmp_path: Path) -> None:
    assert errors(node, tmp_path) == {"not_running"}


def test_a_daemon_that_was_killed_leaves_a_file_and_nobody_behind_it(node: Node, tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "control.sock"))
    left.close()
    assert errors(node, tmp_path) == {"not_running"}


@contextmanager
def answering(runtime: Path, *answers: Sequence[bytes], hold: bool = False) -> Iterator[None]:
    """Something else than the daemon, with an answer (in pieces) for each that comes, the last one for all
    others; it goes then, unless it holds on.
    """
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(runtime / "control.sock"))
    listener.listen()
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            kept.append(sock)
            try:
                sock.recv(65536)
                for piece in answers[min(len(kept), len(answers)) - 1]:
                    sock.sendall(piece)
            except OSError:
                pass  # it has heard enough
            if not hold:
                sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for sock in kept:
            sock.close()


GARBAGE = (
    b"\n",
    b"what?\n",
    b'{"ok": true, "profiles": [\n',
    b"[]\n",
    b"7\n",
    b"\xff\xfe\n",
    b'{"ok": tr',  # and goes
    b"x" * (ANSWER_LIMIT + 70_000),
)


def test_garbage_is_called_so(node: Node, tmp_path: Path) -> None:
    with answering(tmp_path, *([part] for part in GARBAGE)):
        response = node.replies(tmp_path, *([("overview", {})] * len(GARBAGE)))
    assert [line["error"] for line in response] == ["garbage"] * len(GARBAGE)


@pytest.mark.parametrize("hold", [True, False], ids=["keeps silent", "goes"])
def test_no_answer_is_waited_for_no_longer_than_two_seconds(node: Node, tmp_path: Path, hold: bool) -> None:
    with answering(tmp_path, [], hold=hold):
        (response,) = node.replies(tmp_path, ("overview", {}))
    assert response == {"error": "silent", "text": "", "pages": PAGES}
    assert "const PATIENCE = 2000;" in PLUGIN.read_text()


def test_an_answer_in_pieces_is_one(node: Node, tmp_path: Path) -> None:
    answer = json.dumps({"ok": True, "profiles": [{"id": "son", "name": "Son", "state": "open"}]}).encode()
    with answering(tmp_path, [answer[:20], answer[20:21], answer[21:] + b"\n{"], hold=True):
        (response,) = node.replies(tmp_path, ("overview", {}))
    assert response["children"] == [
        {"id": "son", "name": "Son", "state": "open", "until": None, "left": None}
    ]


def test_a_verb_s_answer_without_what_it_should_have_breaks_nothing(node: Node, tmp_path: Path) -> None:
    with answering(tmp_path, [b'{"ok": true}\n']):
        response = node.replies(tmp_path, ("overview", {}), ("health", {}))
    assert (response[0]["children"], response[0]["problems"], response[1]["findings"]) == ([], [], [])


def test_more_than_sixty_four_of_anything_are_left_out(node: Node, tmp_path: Path) -> None:
    many: dict[str, object] = {
        "ok": True,
        "problems": ["x"] * 100,
        "profiles": [{"id": f"c{n}", "name": "C", "state": "open"} for n in range(100)],
    }
    with answering(tmp_path, [json.dumps(many).encode() + b"\n"]):
        (response,) = node.replies(tmp_path, ("overview", {}))
    assert (len(response["children"]), len(response["problems"])) == (64, 64)


def test_the_stand_in_for_ucode_lets_no_javascript_through(node: Node, tmp_path: Path) -> None:
    program = tmp_path / "program.uc"
    tried = ("'a'.split('b')", "JSON.parse('1')", "[].push(1)", "new Date()", "x = 1", "[ 'x' ].length.y.z")
    program.write_text(
        "'use strict';\n"
        "function one(tried) { try { tried(); return 'let through'; } catch (e) { return 'not'; } }\n"
        "return { 'luci.qalqan': { all: { call: function() { return {\n"
        + ",\n".join(f"n{n}: one(function() {{ return {line}; }})" for n, line in enumerate(tried))
        + "\n}; } } } };"
    )
    asked = {"run": "plugin", "plugin": str(program), "world": {"uci": {}}, "calls": [["all", {}]]}
    response = node.ask(asked)["answers"][0]["reply"]
    assert response == {f"n{n}": "not" for n in range(len(tried))}


def test_a_pause_that_is_over_meanwhile_is_told_no_more(make: Make, asking: Asking) -> None:
    desk = make(NOW, daughter={"bedtime": {"school": "20:45-07:00"}})
    asking(desk, ("pause", {"who": "daughter", "minutes": 1}))
    desk.go(timedelta(minutes=2))
    (response,) = asking(desk, ("overview", {}))
    assert response["children"][0]["state"] == "open"
    assert response["now"] == at("2026-11-24T16:32").isoformat()


def test_the_first_parent_is_made_once(make: Make, asking: Asking) -> None:
    desk = make(NOW)
    before, made, again, after = asking(
        desk, ("setup", {}), ("claim", {"name": "Mum"}), ("claim", {"name": "Dad"}), ("setup", {})
    )
    assert (before["claimed"], after["claimed"]) == (False, True)
    assert again == {"error": "claimed", "text": ""}
    signed = desk.ask("guardian", Role.WEB, action="signin", token=made["token"])
    assert (signed["guardian"], signed["role"]) == ("Mum", "guardian")
    assert list(desk.store.people.accounts()) == ["Mum"]
    (line,) = [line for line in desk.store.audit.lines() if line.what == "guardian add"]
    assert line.who == "router"


def test_a_child_is_added_with_a_device_that_nobody_owns(make: Make, asking: Asking) -> None:
    desk = make(NOW)
    desk.store.devices.seen(STRANGER, desk.clock.at)
    before, added, after, seen = asking(
        desk,
        ("setup", {}),
        ("add_child", {"name": HOSTILE, "band": "6-9", "mac": STRANGER}),
        ("setup", {}),
        ("overview", {}),
    )
    assert [device["mac"] for device in before["devices"]] == [STRANGER]
    assert set(before["devices"][0]) == {"mac", "name"}
    assert after["devices"] == []
    assert HOSTILE in [child["name"] for child in seen["children"]]
    profile = desk.rules.household.profiles[added["id"]]
    assert (profile.band.value, profile.devices) == ("6-9", (STRANGER,))


def test_devices_that_a_childs_file_left_unfiltered_are_named(make: Make, asking: Asking) -> None:
    desk = make(NOW)
    for mac, chosen in ((STRANGER, False), ("02:00:00:00:00:1e", True)):
        desk.store.devices.seen(mac, desk.clock.at)
        desk.store.devices.place(mac, "home", at=desk.clock.at, chosen=chosen)
    desk.ask("reload")
    (offered,) = asking(desk, ("setup", {}))
    assert [device["mac"] for device in offered["unfiltered"]] == [STRANGER]


@pytest.mark.parametrize(
    "values",
    [
        {"name": "", "band": "6-9", "mac": ""},
        {"name": "Ben", "band": "7", "mac": ""},
        {"name": "Ben", "band": "6-9", "mac": "nonsense"},
        {"name": "all", "band": "6-9", "mac": ""},
    ],
)
def test_a_child_that_cannot_be_is_refused_with_the_reason(
    make: Make, asking: Asking, values: dict[str, str]
) -> None:
    desk = make(NOW)
    before = set(desk.rules.household.profiles)
    (refused,) = asking(desk, ("add_child", values))
    assert refused["error"] == "refused"
    assert refused["text"]
    assert set(desk.rules.household.profiles) == before
