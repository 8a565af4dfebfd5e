"""What rules can be about: services in their groups, kinds of sites, bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webui.language.i18n import gettext as _
from webui.language.things import about, thing
from webui.rules.ruleset import INTERNET, PLAY
from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    name: str
    group: str
    categories: tuple[str, ...]

    @property
    def tone(self) -> int:
        """Of its coloured initial, the same on every page."""
        return sum(self.id.encode()) % 5


@dataclass(frozen=True, slots=True)
class Kind:
    id: str
    name: str
    about: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    services: Mapping[str, Service]
    groups: Mapping[str, str]  # names by id
    kinds: Mapping[str, Kind]  # that a family may set
    bands: Mapping[str, Mapping[str, Any]]  # what each supplies
    suggested: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # and what it advises alone

    def called(self, target: str) -> str:
        """``service:youtube``, ``play`` or a site as a person says it."""
        kind, colon, key = target.partition(":")
        if not colon:
            return {INTERNET: _("The internet"), PLAY: _("Play")}.get(target, target)
        if kind == "service" and key in self.services:
            return self.services[key].name
        if kind == "category" and key in self.kinds:
            return self.kinds[key].name
        if kind == "group" and key in self.groups:
            return self.groups[key]
        return target

    def knows(self, target: str) -> bool:
        """Whether a window or a limit can be about it."""
        kind, colon, key = target.partition(":")
        if not colon:
            return target in (INTERNET, PLAY)
        known: dict[str, Mapping[str, object]] = {
            "service": self.services,
            "category": self.kinds,
            "group": self.groups,
        }
        return key in known.get(kind, {})

    def search(self, words: str) -> tuple[Service, ...]:
        """Services whose names have all of the words in them, or whose kind is called so."""
        wanted = words.casefold().split()
        return tuple(
            one for one in self.services.values() if all(word in self._searched(one) for word in wanted)
        )

    def _searched(self, one: Service) -> str:
        kinds = " ".join(self.called(f"category:{kind}") for kind in one.categories)
        return f"{one.name} {one.id} {kinds}".casefold()

    def grouped(self, services: tuple[Service, ...]) -> dict[str, list[Service]]:
        """By group, in the order of their names."""
        groups: dict[str, list[Service]] = {}
        for one in services:
            groups.setdefault(one.group, []).append(one)
        return dict(sorted(groups.items(), key=lambda item: self.groups.get(item[0], item[0]).casefold()))


def parse_catalogue(values: Mapping[str, Any]) -> Catalogue:
    answer = Answer(values)
    return Catalogue(
        services={one.text("id"): one.read(Service) for one in answer.entries("services")},
        groups={
            key: thing(f"group:{key}", one.text("name"))
            for one in answer.entries("groups")
            if (key := one.text("id"))
        },
        kinds={
            key: Kind(key, thing(f"category:{key}", one.text("name")), about(key, one.text("about")))
            for one in answer.entries("categories")
            if (key := one.text("id"))
        },
        bands={
            one.text("id"): rules.values
            for one in answer.entries("bands")
            if (rules := one.entry("rules")) is not None
        },
        suggested={
            one.text("id"): advice.values
            for one in answer.entries("bands")
            if (advice := one.entry("suggested")) is not None
        },
    )
