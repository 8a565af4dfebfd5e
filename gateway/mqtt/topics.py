"""The topics of MQTT messages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class MqttMessage(NamedTuple):
    """A topic and a payload to publish.

    An empty retained payload deletes what the broker stores for the topic.
    """

    topic: str
    payload: str
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Topics:
    """The MQTT topics of one gateway.

    ``prefix``: of Home Assistant's topics; ``base``: of the gateway's own.
    """

    prefix: str
    base: str

    @property
    def availability(self) -> str:
        return f"{self.base}/availability"

    @property
    def home(self) -> str:
        return f"{self.base}/home"

    def child(self, profile: str) -> str:
        return f"{self.base}/child/{profile}"

    def discovery(self, component: str, entity: str) -> str:
        """Return the topic of an entity's configuration, as Home Assistant's MQTT discovery expects it."""
        return f"{self.prefix}/{component}/{self.base}/{entity}/config"

    @property
    def birth(self) -> str:
        """Return the topic on which Home Assistant reports its start."""
        return f"{self.prefix}/status"

    @property
    def commands(self) -> tuple[str, ...]:
        return (f"{self.home}/set", self.child("+") + "/set")

    @property
    def retained(self) -> tuple[str, ...]:
        """Return topic filters for all retained messages of this gateway, also of an earlier process."""
        children = (f"{self.child('+')}/{part}" for part in ("state", "requests"))
        return (self.availability, f"{self.home}/state", *children, self.discovery("+", "+"))

    def is_retained(self, topic: str) -> bool:
        """Return whether ``topic`` is one on which this gateway publishes retained messages."""
        return any(_matches(topic, pattern) for pattern in self.retained)

    def commanded(self, topic: str) -> str | None:
        """Return the child's id in a command topic; empty for the home's command topic; None for another.

        A child's topic with an empty id is None, although the wildcard `+` of `commands` matches it.
        """
        if topic == f"{self.home}/set":
            return ""
        profile = topic.removeprefix(self.child("")).removesuffix("/set")
        return profile if profile and topic == f"{self.child(profile)}/set" else None


def _matches(topic: str, pattern: str) -> bool:
    levels, wanted = topic.split("/"), pattern.split("/")
    return len(levels) == len(wanted) and all(
        part in ("+", level) for level, part in zip(levels, wanted, strict=True)
    )
