"""Tests of the event bus: order, classes of events, exceptions, and events published by subscribers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.core.bus import Bus, ControlEvent


@dataclass(frozen=True, slots=True)
class Opened:
    number: int


@dataclass(frozen=True, slots=True)
class Closed:
    number: int


class Base:
    """An event that is not a dataclass: the bus asks for nothing but a class."""


class Derived(Base):
    pass


class Recorder:
    """Records the calls of its subscribers in one list, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []

    def subscriber(self, name: str) -> Subscriber:
        return Subscriber(name, self.calls)


class Subscriber:
    def __init__(self, name: str, calls: list[tuple[str, object]]) -> None:
        self._name = name
        self._calls = calls

    def __call__(self, event: object) -> None:
        self._calls.append((self._name, event))


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_subscribers_are_called_in_the_order_of_subscription(bus: Bus, recorder: Recorder) -> None:
    for name in ("third", "first", "second"):
        bus.subscribe(Opened, recorder.subscriber(name))
    event = Opened(1)
    bus.publish(event)
    assert recorder.calls == [("third", event), ("first", event), ("second", event)]


def test_events_arrive_in_the_order_of_publication(bus: Bus, recorder: Recorder) -> None:
    bus.subscribe(Opened, recorder.subscriber("opened"))
    bus.subscribe(Closed, recorder.subscriber("closed"))
    events = [Opened(1), Closed(1), Opened(2), Opened(2)]
    for event in events:
        bus.publish(event)
    assert [event for _, event in recorder.calls] == events
    assert [name for name, _ in recorder.calls] == ["opened", "closed", "opened", "opened"]


def test_delivery_is_complete_when_publish_returns(bus: Bus) -> None:
    state = ["before"]
    seen: list[str] = []
    bus.subscribe(Opened, lambda _: seen.append(state[-1]))
    state.append("set by the publisher")
    bus.publish(Opened(1))
    assert seen == ["set by the publisher"]


def test_an_event_goes_to_the_subscribers_of_its_exact_class(bus: Bus, recorder: Recorder) -> None:
    bus.subscribe(Base, recorder.subscriber("base"))
    bus.subscribe(Derived, recorder.subscriber("derived"))
    bus.subscribe(object, recorder.subscriber("object"))
    derived, base = Derived(), Base()
    bus.publish(derived)
    assert recorder.calls == [("derived", derived)], "a base class does not get events of derived classes"
    bus.publish(base)
    assert recorder.calls[1:] == [("base", base)]


def test_an_event_without_subscribers_is_ignored(bus: Bus, recorder: Recorder) -> None:
    bus.subscribe(Opened, recorder.subscriber("opened"))
    bus.publish(Closed(1))
    assert recorder.calls == []


def test_a_subscriber_gets_only_events_after_its_subscription(bus: Bus, recorder: Recorder) -> None:
    bus.publish(Opened(1))
    bus.subscribe(Opened, recorder.subscriber("opened"))
    bus.publish(Opened(2))
    assert recorder.calls == [("opened", Opened(2))]


def test_a_subscriber_that_subscribes_twice_is_called_twice(bus: Bus, recorder: Recorder) -> None:
    subscriber = recorder.subscriber("opened")
    bus.subscribe(Opened, subscriber)
    bus.subscribe(Opened, subscriber)
    bus.publish(Opened(1))
    assert recorder.calls == [("opened", Opened(1))] * 2


def test_buses_are_independent(bus: Bus, recorder: Recorder) -> None:
    bus.subscribe(Opened, recorder.subscriber("opened"))
    Bus().publish(Opened(1))
    assert recorder.calls == []


def test_an_exception_reaches_the_publisher_and_ends_the_delivery(bus: Bus, recorder: Recorder) -> None:
    error = ValueError("the subscriber failed")

    def fail(_: Opened) -> None:
        raise error

    bus.subscribe(Opened, recorder.subscriber("before"))
    bus.subscribe(Opened, fail)
    bus.subscribe(Opened, recorder.subscriber("after"))
    with pytest.raises(ValueError, match="the subscriber failed") as raised:
        bus.publish(Opened(1))
    assert raised.value is error, "the exception is not wrapped"
    assert recorder.calls == [("before", Opened(1))]


def test_the_bus_works_after_an_exception(bus: Bus, recorder: Recorder) -> None:
    failing = [True]

    def fail_once(_: Opened) -> None:
        if failing.pop():
            raise ValueError

    bus.subscribe(Opened, fail_once)
    bus.subscribe(Opened, recorder.subscriber("after"))
    bus.subscribe(Closed, recorder.subscriber("closed"))
    with pytest.raises(ValueError):  # noqa: PT011  the class is enough: the subscriber gives no message
        bus.publish(Opened(1))
    failing.append(False)
    bus.publish(Closed(1))
    bus.publish(Opened(2))
    assert recorder.calls == [("closed", Closed(1)), ("after", Opened(2))]


def test_an_event_published_by_a_subscriber_comes_before_the_rest_of_the_first(
    bus: Bus, recorder: Recorder
) -> None:
    def close(event: Opened) -> None:
        recorder.calls.append(("close", event))
        bus.publish(Closed(event.number))
        recorder.calls.append(("close returns", event))

    bus.subscribe(Opened, close)
    bus.subscribe(Opened, recorder.subscriber("last"))
    bus.subscribe(Closed, recorder.subscriber("closed"))
    bus.publish(Opened(7))
    assert recorder.calls == [
        ("close", Opened(7)),
        ("closed", Closed(7)),
        ("close returns", Opened(7)),
        ("last", Opened(7)),
    ]


def test_a_subscriber_may_publish_its_own_class(bus: Bus, recorder: Recorder) -> None:
    def count_down(event: Opened) -> None:
        recorder.calls.append(("first", event))
        if event.number:
            bus.publish(Opened(event.number - 1))

    bus.subscribe(Opened, count_down)
    bus.subscribe(Opened, recorder.subscriber("second"))
    bus.publish(Opened(2))
    assert [(name, event) for name, event in recorder.calls if name == "first"] == [
        ("first", Opened(2)),
        ("first", Opened(1)),
        ("first", Opened(0)),
    ]
    innermost_first = [event for name, event in recorder.calls if name == "second"]
    assert innermost_first == [Opened(0), Opened(1), Opened(2)]


def test_an_exception_of_an_inner_event_reaches_the_outer_publisher(bus: Bus, recorder: Recorder) -> None:
    def fail(_: Closed) -> None:
        msg = "the inner subscriber failed"
        raise LookupError(msg)

    bus.subscribe(Opened, lambda event: bus.publish(Closed(event.number)))
    bus.subscribe(Opened, recorder.subscriber("after"))
    bus.subscribe(Closed, fail)
    with pytest.raises(LookupError, match="the inner subscriber failed"):
        bus.publish(Opened(1))
    assert recorder.calls == []


def test_a_subscriber_may_subscribe_another_class_during_delivery(bus: Bus, recorder: Recorder) -> None:
    def follow(event: Opened) -> None:
        bus.subscribe(Closed, recorder.subscriber(f"closed {event.number}"))

    bus.subscribe(Opened, follow)
    bus.publish(Opened(1))
    bus.publish(Closed(1))
    assert recorder.calls == [("closed 1", Closed(1))]


def test_notify_publishes_a_notice_with_its_values(bus: Bus, recorder: Recorder) -> None:
    bus.subscribe(ControlEvent, recorder.subscriber("notice"))
    bus.notify("device", mac="02:00:00:00:00:0a", name="tablet")
    bus.notify("status")
    assert recorder.calls == [
        ("notice", ControlEvent("device", {"mac": "02:00:00:00:00:0a", "name": "tablet"})),
        ("notice", ControlEvent("status", {})),
    ]


def test_a_value_of_a_notice_may_be_called_event(bus: Bus, recorder: Recorder) -> None:
    bus.subscribe(ControlEvent, recorder.subscriber("notice"))
    bus.notify("log", event="start")
    assert recorder.calls == [("notice", ControlEvent("log", {"event": "start"}))]
