"""A synchronous event bus: publishers and subscribers know the class of an event, not each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar


class Publish(Protocol):
    """A function that sends a named event to the control socket's listeners.

    Example: ``publish("status", who="daughter")``.
    """

    def __call__(self, event: str, /, **values: object) -> None: ...


E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """An event, with a name and values, that the control socket sends to its listeners (pages, LuCI)."""

    event: str  # the name: "status", "request", "device" …; gateway/control/README.md lists them
    values: Mapping[str, object]


class Bus:
    """Delivers each published event to the functions that subscribed to its class, in order of subscription.

    Delivery happens inside ``publish``: there is one thread and no queue. A subscriber sees the state
    that the publisher left. An exception of a subscriber reaches the publisher; later subscribers do not
    get the event. An event that a subscriber publishes is delivered before the rest of the first one.
    Subscriptions last as long as the bus.
    """

    def __init__(self) -> None:
        self._subscribers: dict[type[Any], list[Callable[[Any], None]]] = {}

    def subscribe(self, kind: type[E], subscriber: Callable[[E], None]) -> None:
        """From now on, call ``subscriber`` with each published event whose class is exactly ``kind``."""
        self._subscribers.setdefault(kind, []).append(subscriber)

    def publish(self, event: object) -> None:
        """Call every subscriber of the event's class with the event, before this returns."""
        for subscriber in self._subscribers.get(type(event), ()):
            subscriber(event)

    def notify(self, event: str, /, **values: object) -> None:
        """Publish an event with this name and these values for the listeners of the control socket."""
        self.publish(ControlEvent(event, values))
