"""What `status` says is in use, by log level, and what that costs."""

from __future__ import annotations

import time

import pytest

from gateway.path.live_flows import FlowId, LiveFlow
from gateway.policy.values import Observation, Proto
from tests.features.conftest import Make
from tests.features.desk import TABLET, Desk

EVENING = "2026-11-24T19:40"


def uses(desk: Desk, host: str, *gates: str, flows: int = 1) -> None:
    member = desk.family.member_of(TABLET)
    assert member is not None
    number = desk.store.class_number(member.slot, frozenset({"device", *gates}))
    for port in range(flows):
        flow = FlowId(member.slot, 6, host.encode(), port, b"", 443)
        desk.live.put(flow, LiveFlow((Observation(Proto.TLS, host),), number, False))


def in_use(desk: Desk, child: int = 0) -> list[str]:
    return [one["target"] for one in desk.ask("status")["profiles"][child]["in_use"]]


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (0, []),
        (1, []),  # it would show that the child is here
        (2, ["service:youtube", "category:messaging"]),
    ],
)
def test_what_is_in_use_is_told_as_far_as_the_log_level_lets_a_guardian_see(
    make: Make, level: int, told: list[str]
) -> None:
    desk = make(EVENING, daughter={"log_level": level})
    uses(desk, "www.youtube.com", "play", "service:youtube", flows=2)
    uses(desk, "web.whatsapp.com")
    uses(desk, "nobody-knows.example")
    assert in_use(desk) == told


@pytest.mark.parametrize("level", range(4))
def test_a_call_for_help_is_no_use_at_any_level(make: Make, level: int) -> None:
    """Over plain HTTP such a flow is remembered like others, since its later requests are judged."""
    desk = make(EVENING, daughter={"band": "6-9", "log_level": level})
    for host in sorted(desk.rules.world.help)[:200]:
        uses(desk, host.removeprefix("="))
    assert in_use(desk) == []


def test_visits_are_told_by_name_where_names_are_kept(make: Make) -> None:
    desk = make(EVENING, daughter={"band": "6-9", "log_level": 3})
    uses(desk, "web.whatsapp.com")
    assert in_use(desk) == ["service:whatsapp"]
    assert desk.ask("status")["profiles"][0]["in_use"][0]["name"] == "WhatsApp"


def test_one_child_s_use_is_not_another_s(make: Make) -> None:
    desk = make(EVENING)
    uses(desk, "www.youtube.com", "play")
    assert in_use(desk, 1) == []


def test_at_most_six_are_told(make: Make) -> None:
    desk = make(EVENING, daughter={"band": "6-9", "log_level": 3})
    for host in ("youtube.com", "whatsapp.com", "roblox.com", "tiktok.com", "reddit.com", "netflix.com",
                 "twitch.tv", "instagram.com"):  # fmt: skip
        uses(desk, host)
    assert len(in_use(desk)) == 6


def test_the_cost_of_a_busy_home_is_printed(make: Make) -> None:
    """A thousand flows of one tablet; the figure is for whoever looks, a loaded machine fails nothing."""
    desk = make(EVENING, daughter={"log_level": 2})
    for number in range(50):
        uses(desk, f"host{number}.youtube.com", "play", flows=20)
    desk.ask("status")
    began = time.perf_counter()
    for _ in range(20):
        desk.ask("status")
    print(f"status with 1000 flows: {(time.perf_counter() - began) * 50:.2f} ms")
    assert in_use(desk) == ["service:youtube"]


def test_a_connection_without_a_name_is_told_by_its_service(make: Make) -> None:
    desk = make(EVENING, daughter={"band": "6-9", "log_level": 3})
    member = desk.family.member_of(TABLET)
    assert member is not None
    number = desk.store.class_number(member.slot, frozenset({"device"}))
    seen = Observation(Proto.TCP, None, bytes([149, 154, 167, 51]), 443)
    flow = FlowId(member.slot, 6, b"", 1, seen.dst, 443)
    desk.live.put(flow, LiveFlow((seen,), number, False, ("telegram",)))
    assert in_use(desk) == ["service:telegram"]
