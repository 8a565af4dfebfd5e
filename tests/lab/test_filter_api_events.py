"""Events of the real daemon through the API: each kind is made to happen and tells what its record says."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from typing import Any

import pytest

from gateway.control.client import Unreachable
from gateway.control.schema import Maybe, Several, field_types, name_of
from tests.lab import clients, names
from tests.lab.apicaller import PAGES, Caller, by_session, by_token, link_of
from tests.lab.daemon import Daemon
from tests.lab.filtering import BLOCKED, DAUGHTER, MUM, SON, ZONE, module, set_time
from tests.lab.home import Home
from webui.api.events import FOR_HELPERS, event_data
from webui.api.happenings import EVENTS

pytestmark = pytest.mark.lab

DAY = "2026-11-25"
NEWCOMER = "02:00:00:00:00:77"
STRANGER = "02:00:00:00:00:66"  # was never here
RESOLVER = "dns.of-my-own.example"  # on no list: its name has an address, and its port 853 is refused
ENVELOPE = {"event"}
# What the daemon says beside, for its own pages: what is asked about a device and a card have operations.
LEFT_OUT = {
    "identity": {
        "at", "online", "owner", "owner_name", "rules", "rules_name", "signs", "settled", "adult", "replies",
        "people", "sightings",
    },
    "card": {"kind", "proto", "told", "menus"},
}  # fmt: skip


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    daughter = {**DAUGHTER, "log_level": 2, "limits": {}, "bedtime": {"school": "20:45-07:00"}}
    profiles = {"daughter": daughter, "son": SON, "mum": MUM}
    with Daemon(home, profiles, settings={"timezone": ZONE.key, "country": "kz"}, web_user=True) as started:
        set_time(started, f"{DAY}T20:10:00")
        yield started


@contextmanager
def heard(daemon: Daemon) -> Iterator[list[dict[str, Any]]]:
    """All that the daemon says, as it says it."""
    found: list[dict[str, Any]] = []
    ready, over = threading.Event(), threading.Event()

    def listen() -> None:
        with daemon.client.events((), idle=0.1) as events, suppress(Unreachable):
            ready.set()
            while not over.is_set():
                event = next(events)
                if event is not None:
                    found.append(event)

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(60)
    try:
        yield found
    finally:
        over.set()
        thread.join()


@contextmanager
def streamed(it: Caller, seconds: int) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What a program hears meanwhile; complete once this is over."""
    heads = [part for name, value in it.headers.items() for part in ("-H", f"{name}: {value}")]
    command = it.device.command(["curl", "-sSN", *heads, f"{PAGES}/api/v1/events?seconds={seconds}"])
    found: list[tuple[str, dict[str, Any]]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("event: hello"):
                break
        yield found
        text = process.stdout.read()
    for part in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in part.splitlines() if ": " in line)
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))


def happen(home: Home, daemon: Daemon, mum: Caller, hall: Caller) -> None:
    """Something of each kind."""
    tablet = Caller(home.devices["tablet"], {"Origin": PAGES})
    child, mac = "/children/daughter", names.TABLET.mac
    hall.done("POST", f"{child}/pause", {"minutes": 5})
    hall.done("POST", f"{child}/resume")
    grant = hall.done("POST", f"{child}/grants", {"minutes": 10})["grant"]
    hall.done("DELETE", f"/grants/{grant}")
    hall.done("POST", "/home/off", {"minutes": 5})
    hall.done("POST", "/home/on")
    asked = tablet.done("POST", "/my/requests/time", {"minutes": 15})["request"]
    hall.done("POST", f"/requests/{asked}/answer", {"answer": "no", "because": "Homework first"})
    hall.done("PUT", f"/devices/{mac}/name", {"name": "Tablet of hers"})
    hall.done("POST", "/scan")
    hall.done("POST", "/lists/update", {"force": True})
    hall.done("POST", "/health/check")
    hall.done("POST", f"{child}/trial")
    hall.done("PUT", f"{child}/pin", {"pin": "284619"})
    hall.done("POST", f"{child}/lesson", {"host": "unheard-of.example"})
    hall.done("POST", f"{child}/proof", {"device": mac})
    hall.done("PATCH", f"{child}/rules", {"set": {"next_step": DAY[:7]}})  # is proposed at the next look
    hall.done("POST", f"/sharing/{names.PARENT.mac}/hand-over", {"child": "son"})
    daemon.client.call("take_back", device=names.PARENT.mac, by="Mum")
    hall.done("PUT", f"/devices/{STRANGER}/adult-proof", {"length": "1h"})
    mum.done("POST", "/people", {"name": "Dad"})
    hall.done("DELETE", "/alerts")
    clients.curl(home.devices["tablet"], f"http://{BLOCKED}/")
    module(
        home.devices["tablet"], "privatedns", "strict", RESOLVER, "--resolver", names.GATEWAY_IPV4,
        "--tries", "1",
    )  # fmt: skip
    daemon.client.call("lease", action="add", mac=NEWCOMER, ip="192.168.77.77", name="Robot")
    set_time(daemon, f"{DAY}T20:39:58")
    time.sleep(3)
    tablet.done("POST", "/my/landing")


@pytest.mark.slow
def test_each_kind_tells_what_its_record_says(home: Home, daemon: Daemon) -> None:
    mum = by_session(home, link_of(daemon))
    hall, button = by_token(home, mum), by_token(home, mum, "helper", "phone")
    with heard(daemon) as raw, streamed(hall, 60) as all_, streamed(button, 60) as few:
        happen(home, daemon, mum, hall)
        end = time.monotonic() + 35
        while EVENTS.keys() - {one["event"] for one in raw} and time.monotonic() < end:
            time.sleep(0.2)
    assert EVENTS.keys() - {one["event"] for one in raw} == set(), "did not happen"
    for event in raw:
        check(event)
    assert {kind for kind, _ in all_} == EVENTS.keys()
    expected = [json.loads(json.dumps((one["event"], event_data(one)))) for one in raw]
    for one in all_:
        assert list(one) in expected
    assert {kind for kind, _ in few} == set(FOR_HELPERS)


def check(event: dict[str, Any]) -> None:
    """Each key has its place, and what may not be absent is there."""
    kind, record = event["event"], EVENTS[event["event"]]
    known = {name_of(field) for field in fields(record)}
    assert event.keys() - known <= ENVELOPE | LEFT_OUT.get(kind, set()), event
    kinds = field_types(record)
    needed = {name for name in known if not isinstance(kinds[name], Maybe | Several)}
    assert needed <= event.keys(), event
    assert event_data(event) is not None, event
