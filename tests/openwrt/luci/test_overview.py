"""The overview, rendered by a stand-in for LuCI: each state, each button, hostile names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.control.protocol import ControlRequest
from tests.openwrt.luci.conftest import Make
from tests.openwrt.luci.running import PLUGIN, VIEWS, Node, world
from tests.webui.standin.healthy import Healthy

pytestmark = pytest.mark.needs("node")

HOSTILE = '<img src=x onerror="alert(1)">'
OVERVIEW = VIEWS / "qalqan/overview.js"
PAGES = {"here": True, "port": "8080", "listen": ""}
NOW = "2026-11-24T16:30:00+05:00"
View = Callable[..., Any]
"""``view(home(child()), do=["Resume"])``: what is shown, and what was called."""
FINE = {"now": NOW, "running": False, "ended": NOW, "problem": "", "findings": []}


def child(name: str = "Aruzhan", state: str = "open", **more: Any) -> dict[str, Any]:
    return {"id": "daughter", "name": name, "state": state, "until": None, "left": None, **more}


def home(*children: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "version": "0.1.0", "now": NOW, "mode": "on", "off_until": None, "stopped_by_provider": False,
        "internet": "works", "clock": True, "requests": 0, "problems": [], "children": list(children),
        "pages": PAGES, **more,
    }  # fmt: skip


@pytest.fixture
def view(node: Node) -> View:
    return lambda *answers, **given: node.ask(asked(*answers, **given))


def asked(
    overview: dict[str, Any] | None, health: dict[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    """None: the router itself refuses the call."""

    def answer(reply: dict[str, Any] | None) -> dict[str, Any]:
        return {"status": 6} if reply is None else {"status": 0, "reply": reply}

    done = {name: [answer(reply)] for name, reply in given.pop("done", {}).items()}
    answers = {"overview": [answer(overview)], "health": [answer(health or FINE)], **done}
    return {"run": "view", "view": str(OVERVIEW), "answers": answers, **given}


def seen(shown: Any) -> str:
    """What stands on the page at last."""
    text = shown["looks"][-1]["text"]
    assert not re.search(r"undefined|\bnull\b|NaN|\[object", text), text
    return str(text)


def buttons(shown: Any) -> list[str]:
    return [label for label, _ in shown["looks"][-1]["buttons"]]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"error": "not_running", "text": "", "pages": PAGES}, "The filter does not run."),
        ({"error": "silent", "text": "", "pages": PAGES}, "The filter did not answer."),
        ({"error": "garbage", "text": "", "pages": PAGES}, "cannot be read"),
        ({"error": "refused", "text": f"no {HOSTILE}", "pages": PAGES}, f"no {HOSTILE}"),
        (None, "The router did not answer."),
    ],
)
def test_where_there_is_nothing_to_show_it_says_why(
    view: View, answer: dict[str, Any] | None, told: str
) -> None:
    shown = view(answer, {"error": "not_running", "text": ""})
    assert told in seen(shown)
    assert ("Open the full pages" in seen(shown)) == (answer is not None)
    assert "not installed" not in seen(shown)
    assert buttons(shown) == []
    assert shown["markup"] == []


def test_no_child_yet(view: View) -> None:
    shown = view(home())
    assert "No child yet." in seen(shown)
    assert buttons(shown) == ["Check again"]


SETUP = {"claimed": False, "pages": PAGES, "devices": [{"mac": "02:00:00:00:00:0d", "name": HOSTILE}]}


def test_the_first_parent_gets_a_link(view: View) -> None:
    done = {"setup": SETUP, "claim": {"done": True, "token": "K7QD-2MXA-9TRB"}}
    steps = [{"type": "parent", "text": "Mum"}, "Make the link"]
    shown = view(home(), done=done, do=steps)
    assert ["luci.qalqan", "claim", {"name": "Mum"}] in shown["calls"]
    (notice,) = shown["looks"][-1]["notices"]
    assert 'href="http://192.168.1.1:8080/signin?code=K7QD-2MXA-9TRB"' in notice["html"]
    assert shown["markup"] == []


def test_a_child_is_added_with_age_and_device(view: View) -> None:
    done = {"setup": {**SETUP, "claimed": True}, "add_child": {"done": True, "id": "ben"}}
    steps = [
        {"type": "child", "text": HOSTILE},
        {"type": "band", "text": "10-12"},
        {"type": "device", "text": "02:00:00:00:00:0d"},
        "Add the child",
    ]
    shown = view(home(), done=done, do=steps)
    values = {"name": HOSTILE, "band": "10-12", "mac": "02:00:00:00:00:0d"}
    assert ["luci.qalqan", "add_child", values] in shown["calls"]
    assert f"{HOSTILE} is added." in shown["looks"][-1]["notices"][0]["text"]
    assert [method for _, method, _ in shown["calls"]].count("overview") == 2, "the new child is shown"
    assert shown["markup"] == []


def test_unfiltered_devices_without_an_answer_are_named(view: View) -> None:
    waiting = [{"mac": "02:00:00:00:00:0d", "name": HOSTILE}, {"mac": "02:00:00:00:00:0e", "name": ""}]
    shown = view(home(), done={"setup": {**SETUP, "claimed": True, "unfiltered": waiting}})
    names = f"{HOSTILE} (02:00:00:00:00:0d), 02:00:00:00:00:0e"
    assert f"Not filtered until you say who uses them: {names}." in seen(shown)
    assert "qalqan device assign" in seen(shown)
    assert shown["markup"] == []
    assert "Not filtered" not in seen(view(home(), done={"setup": {**SETUP, "unfiltered": []}}))


def test_adding_a_child_says_that_lists_are_downloaded(view: View) -> None:
    setting = "Lists of sites are downloaded from public servers as soon as there is a child"
    shown = seen(view(home(), done={"setup": {**SETUP, "claimed": True}}))
    assert setting in shown
    assert "unless you turn this off in Settings" in shown
    assert setting not in seen(view(home(), done={"setup": {"error": "silent", "text": ""}}))


def test_what_is_typed_stays_while_the_overview_is_refreshed(view: View) -> None:
    shown = view(home(), done={"setup": SETUP}, do=[{"type": "child", "text": "Ben"}, "poll"])
    assert 'value="Ben"' in shown["looks"][-1]["html"]


@pytest.mark.parametrize(
    ("setup", "labels"),
    [
        (SETUP, ["Make the link", "Add the child"]),
        ({**SETUP, "claimed": True}, ["Add the child"]),
        ({**SETUP, "pages": {**PAGES, "here": False}}, ["Add the child"]),
        ({"error": "silent", "text": ""}, []),
    ],
)
def test_only_what_is_left_to_do_is_offered(view: View, setup: dict[str, Any], labels: list[str]) -> None:
    assert buttons(view(home(), done={"setup": setup})) == [*labels, "Check again"]


def test_what_the_filter_refuses_is_shown(view: View) -> None:
    refused = {"error": "refused", "text": f"no {HOSTILE}"}
    done = {"setup": SETUP, "claim": {"error": "claimed", "text": ""}, "add_child": refused}
    shown = view(home(), done=done, do=["Make the link", "Add the child"])
    told = [notice["text"] for notice in shown["looks"][-1]["notices"]]
    assert told == ["There is a parent already, who invites others on the full pages.", f"no {HOSTILE}"]
    assert shown["markup"] == []


STATES = (
    (child(left={"minutes": 45, "at": "2026-11-24T20:45:00+05:00"}),
     "Internet is open", "45 min, until 20:45"),
    (child(left={"minutes": 45, "at": None}), "Internet is open", "45 min"),
    (child(), "Internet is open", "–"),
    (child(state="paused", until="2026-11-25T07:00:00+05:00"),
     "Internet is paused until tomorrow, 07:00", "–"),
    (child(state="paused"), "Internet is paused", "–"),
    (child(state="paused", until="2026-11-30T09:00:00+05:00"),
     "Internet is paused until 2026-11-30 09:00", "–"),
    (child(state="bedtime", until="2026-11-24T17:00:00+05:00", left={"minutes": 0, "at": None}),
     "It is bedtime until 17:00", "–"),
    (child(state="window", until="2026-11-24T17:00:00+05:00"), "Internet is blocked now until 17:00", "–"),
    (child(state="out_of_time", left={"minutes": 0, "at": None}), "Time is used up", "–"),
    (child(state="something new"), "something new", "–"),
)  # fmt: skip


def test_each_state_and_what_is_left(view: View) -> None:
    shown = view(home(*(one for one, *_ in STATES)))
    cells = re.findall(
        r'<td class="td" data-title="(?:Now|Time left)">([^<]*)</td>', shown["looks"][0]["html"]
    )
    assert cells == [text for _, *texts in STATES for text in texts]
    assert seen(shown)


@pytest.mark.parametrize(
    ("one", "offered"),
    [
        (child(left={"minutes": 5, "at": None}), ["Pause until morning", "Pause for 30 min", "15 min more"]),
        (child(), ["Pause until morning", "Pause for 30 min"]),
        (child(state="paused", left={"minutes": 5, "at": None}), ["Resume"]),
    ],
    ids=["open", "nothing closes", "paused"],
)
def test_what_is_offered_is_what_can_be_done(view: View, one: dict[str, Any], offered: list[str]) -> None:
    everybody = ["Resume every child"] if one["state"] == "paused" else ["Pause every child until morning"]
    assert buttons(view(home(one))) == [*offered, *everybody, "Check again"]


def test_hostile_names_and_sentences_are_texts(view: View) -> None:
    shown = view(
        home(child(HOSTILE, left={"minutes": 5, "at": None}), problems=[HOSTILE]),
        {**FINE, "problem": HOSTILE, "findings": [{"level": "error", "text": HOSTILE, "fix": HOSTILE}]},
        done={"bonus": {"done": True, "grant": "7", "minutes": 15, "until": None}},
        do=["15 min more"],
    )
    page = shown["looks"][-1]
    assert "<img" not in page["html"]
    assert page["text"].count(HOSTILE) == 5
    assert "<img" not in page["notices"][0]["html"]
    assert HOSTILE in page["notices"][0]["text"]
    assert shown["markup"] == [], "nothing at all becomes HTML"


def test_the_stand_in_for_luci_makes_html_where_luci_does(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "careless.js"
    path.write_text(
        "'use strict';\n'require view';\n'require ui';\n'require dom';\n"
        "return view.extend({ load: function() {}, render: function() {\n"
        "  ui.addNotification('<i>title</i>', [ E('p', {}, '<i>notice</i>') ]);\n"
        "  const page = E('div', {}, [ '<i>safe</i>', E('p', '<i>child</i>') ]);\n"
        "  dom.append(page, E('p')); dom.content(page.lastChild, '<i>content</i>');\n"
        "  return page;\n} });"
    )
    shown = node.ask({"run": "view", "view": str(path)})
    assert shown["markup"] == [f"<i>{one}</i>" for one in ("notice", "title", "child", "content")]
    assert shown["looks"][0]["html"].count("<i>") == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"mode": "off", "off_until": "2026-11-24T17:00:00+05:00"},
            "Time rules and categories are off for everyone until 17:00.",
        ),
        (
            {"mode": "off", "off_until": "2026-11-24T17:00:00+05:00", "stopped_by_provider": True},
            "Your internet provider turned time rules and categories off for everyone until 17:00.",
        ),
        ({"mode": "off"}, "Time rules and categories are off for everyone."),
        ({"clock": False}, "The time is not known yet"),
        ({"internet": "down"}, "The internet is down. That is not the filter."),
        ({"requests": 3}, "Open requests: 3"),
        ({"problems": ["daughter.yaml: line 3: mend it"]}, "daughter.yaml: line 3: mend it"),
        ({"pages": {**PAGES, "here": False}}, "are not installed on this router, or are off"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_holds_for_the_home_is_told(view: View, more: dict[str, Any], told: str) -> None:
    shown = view(home(child(), **more))
    assert told in seen(shown)
    assert told not in seen(view(home(child())))


@pytest.mark.parametrize(
    ("left", "text"),
    [
        ({"minutes": 5, "at": None, "period": "day"}, "5 min"),
        ({"minutes": 5, "at": None, "period": "week"}, "5 min of this week"),
        ({"minutes": 255, "at": "2026-11-24T20:45:00+05:00", "period": "day"}, "255 min, until 20:45"),
        (None, "–"),
    ],
)
def test_the_time_left_names_the_week_whose_limit_ends_first(
    view: View, left: dict[str, Any] | None, text: str
) -> None:
    html = view(home(child(left=left)))["looks"][0]["html"]
    assert re.findall(r'data-title="Time left">([^<]*)<', html) == [text]


@pytest.mark.parametrize(
    ("pages", "hostname", "link"),
    [
        (PAGES, "192.168.1.1", "http://192.168.1.1:8080/"),
        (PAGES, "[fd00::1]", "http://[fd00::1]:8080/"),
        ({**PAGES, "port": "8443"}, "router.lan", "http://router.lan:8443/"),
        ({**PAGES, "listen": "192.0.2.1:80"}, "192.168.1.1", "http://192.0.2.1:80/"),
        ({**PAGES, "listen": "0.0.0.0:8081"}, "192.168.1.1", "http://192.168.1.1:8081/"),
        ({**PAGES, "listen": "[::]:8081"}, "192.168.1.1", "http://192.168.1.1:8081/"),
    ],
)
def test_the_link_leads_to_the_full_pages(
    view: View, pages: dict[str, Any], hostname: str, link: str
) -> None:
    html = view(home(child(), pages=pages), hostname=hostname)["looks"][0]["html"]
    assert re.findall(r'href="([^"]*)"', html) == [link]


def test_who_may_only_look_has_no_button_to_press(view: View) -> None:
    shown = view(home(child()), writable=False, do=["Pause until morning"])
    assert {disabled for _, disabled in shown["looks"][0]["buttons"]} == {True}
    assert [method for _, method, _ in shown["calls"]] == ["overview", "health"]


def test_it_looks_again_every_ten_seconds_and_at_health_while_checks_run(view: View) -> None:
    still = view(home(child()), do=["poll"])
    assert still["polls"] == [10]
    assert [method for _, method, _ in still["calls"]] == ["overview", "health", "setup", "overview"]
    runs = view(home(child()), {**FINE, "running": True}, do=["poll"])
    assert [method for _, method, _ in runs["calls"]] == ["overview", "health", "setup", "overview", "health"]
    assert "The checks are running." in seen(runs)
    assert "Check again" not in buttons(runs)


@pytest.mark.parametrize(
    ("label", "method", "values"),
    [
        ("Pause until morning", "pause", {"who": "daughter", "minutes": 0}),
        ("Pause for 30 min", "pause", {"who": "daughter", "minutes": 30}),
        ("Pause every child until morning", "pause", {"who": "all", "minutes": 0}),
        ("15 min more", "bonus", {"who": "daughter"}),
        ("Check again", "check", {}),
    ],
)
def test_a_button_asks_for_what_it_says(view: View, label: str, method: str, values: dict[str, Any]) -> None:
    one = child(left={"minutes": 5, "at": None})
    replies = {"pause": {"done": True}, "bonus": {"done": True, "grant": "7", "minutes": 15}, "check": FINE}
    shown = view(home(one), done=replies, do=[label])
    assert shown["calls"][3] == ["luci.qalqan", method, values]
    assert all("error" not in notice["kind"] for notice in shown["looks"][-1]["notices"])


@pytest.mark.parametrize("label", ["Pause until morning", "15 min more", "Check again"])
@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({"error": "refused", "text": "Son has nothing to extend"}, "Son has nothing to extend"),
        ({"error": "silent", "text": ""}, "The filter did not answer."),
        (None, "The router did not answer."),
    ],
    ids=["refused", "silent", "not allowed"],
)
def test_what_was_not_done_is_said(view: View, label: str, reply: dict[str, Any] | None, told: str) -> None:
    one = child(left={"minutes": 5, "at": None})
    done = {"pause": reply, "bonus": reply, "check": reply}
    (notice,) = view(home(one), done=done, do=[label])["looks"][-1]["notices"]
    assert told in notice["text"]
    assert "error" in notice["kind"]


def test_checks_that_found_something_are_told_with_what_mends_them(view: View) -> None:
    findings = [
        {"level": "error", "text": "both are in 192.168.1.0/24", "fix": "give br-lan another network"},
        {"level": "warning", "text": "9 days old", "fix": ""},
        {"level": "note", "text": "none chosen", "fix": None},
    ]
    text = seen(view(home(child()), {**FINE, "findings": findings}))
    for told in (
        "does not work",
        "needs attention",
        "worth knowing",
        "give br-lan another network",
        "none chosen",
    ):
        assert told in text
    assert "found nothing to fix" not in text
    assert "The checks found nothing to fix. Checked at 16:30." in " ".join(
        seen(view(home(child()))).replace("fix.", "fix. ").split()
    )
    assert "No checks yet." in seen(view(home(child()), {**FINE, "ended": None}))


def test_from_the_tap_to_the_daemon_and_back(node: Node, make: Make) -> None:
    """The view, the plugin and the daemon's own verbs, without a word of ours in between."""
    desk = make("2026-11-24T16:30", daughter={"bedtime": {"school": "20:45-07:00"}, "limits": {}})
    healthy = Healthy().verbs()["health"]

    def verb(request: ControlRequest) -> Any:
        return (
            healthy(request)
            if request.do == "health"
            else desk.ask(request.do, request.role, **request.values)
        )

    runtime: Path = desk.folder / "run"
    wanted = {
        "run": "view",
        "view": str(OVERVIEW),
        "plugin": str(PLUGIN),
        "world": world(runtime),
        "do": [
            "Pause until morning",
            "Resume",
            "15 min more",
            "Undo",
            "Pause every child until morning",
        ],
    }
    verbs = dict.fromkeys(("status", "health", "pause", "resume", "grant", "revoke"), verb)
    looks = node.ask_beside(runtime, verbs, wanted)["looks"]
    rows = [re.findall(r'data-title="(?:Now|Time left)">([^<]*)<', one["html"])[:2] for one in looks]
    assert rows == [
        ["Internet is open", "255 min, until 20:45"],
        ["Internet is paused until tomorrow, 07:00", "–"],
        ["Internet is open", "255 min, until 20:45"],
        ["Internet is open", "270 min, until 21:00"],
        ["Internet is open", "255 min, until 20:45"],
        ["Internet is paused until tomorrow, 07:00", "–"],
    ]
    assert "15 min more for Daughter." in looks[3]["notices"][0]["text"]
    assert looks[4]["notices"] == []
    assert [one["state"] for one in desk.ask("status")["profiles"]] == ["paused", "paused"]
