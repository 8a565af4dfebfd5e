"""The topics of MQTT messages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class MqttMessage(NamedTuple):
    """A message to the broker. An empty retained one deletes what the broker stores for its topic."""

    topic: str
    payload: str
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one gateway, from ``prefix`` and ``base`` of the settings."""

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
        """Return the topic of an entity's configuration, as Home Assistant expects it."""
        return f"{self.prefix}/{component}/{self.base}/{entity}/config"

    @property
    def birth(self) -> str:
        """The topic on which Home Assistant reports its start."""
        return f"{self.prefix}/status"

    @property
    def commands(self) -> tuple[str, ...]:
        return (f"{self.home}/set", self.child("+") + "/set")

    @property
    def retained(self) -> tuple[str, ...]:
        """Filters that match every retained topic of this gateway, of an earlier process too."""
        children = (f"{self.child('+')}/{part}" for part in ("state", "requests"))
        return (self.availability, f"{self.home}/state", *children, self.discovery("+", "+"))

    def is_retained(self, topic: str) -> bool:
        """Return whether a topic matches one of ``retained``."""
        return any(_matches(topic, pattern) for pattern in self.retained)

    def commanded(self, topic: str) -> str | None:
        """Return the id of the child in the topic of a command; empty: the home. None: no such topic."""
        if topic == f"{self.home}/set":
            return ""
        profile = topic.removeprefix(self.child("")).removesuffix("/set")
        return profile if topic == f"{self.child(profile)}/set" else None


def _matches(topic: str, pattern: str) -> bool:
    levels, wanted = topic.split("/"), pattern.split("/")
    return len(levels) == len(wanted) and all(
        part in ("+", level) for level, part in zip(levels, wanted, strict=True)
    )
