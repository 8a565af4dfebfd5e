"""The catalogue of rule targets: services in their groups, categories of sites, and age bands."""

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
        """Return the colour number of the coloured initial. It is the same on every page."""
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
    bands: Mapping[str, Mapping[str, Any]]  # the rules of each band
    # rules that a band only suggests
    suggested: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def called(self, target: str) -> str:
        """Return the display name of a target: ``service:youtube``, ``play`` or a site."""
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
        """Return whether a schedule or a limit can be about the target."""
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
        """Return the services whose name contains all of the words, or whose category has that name."""
        wanted = words.casefold().split()
        return tuple(
            service
            for service in self.services.values()
            if all(word in self._searched(service) for word in wanted)
        )

    def _searched(self, service: Service) -> str:
        kinds = " ".join(self.called(f"category:{kind}") for kind in service.categories)
        return f"{service.name} {service.id} {kinds}".casefold()

    def grouped(self, services: tuple[Service, ...]) -> dict[str, list[Service]]:
        """Return the services by group, each group sorted by name."""
        groups: dict[str, list[Service]] = {}
        for service in services:
            groups.setdefault(service.group, []).append(service)
        return dict(sorted(groups.items(), key=lambda item: self.groups.get(item[0], item[0]).casefold()))


def parse_catalogue(values: Mapping[str, Any]) -> Catalogue:
    answer = Answer(values)
    return Catalogue(
        services={service.text("id"): service.read(Service) for service in answer.entries("services")},
        groups={
            key: thing(f"group:{key}", group.text("name"))
            for group in answer.entries("groups")
            if (key := group.text("id"))
        },
        kinds={
            key: Kind(
                key, thing(f"category:{key}", category.text("name")), about(key, category.text("about"))
            )
            for category in answer.entries("categories")
            if (key := category.text("id"))
        },
        bands={
            band.text("id"): rules.values
            for band in answer.entries("bands")
            if (rules := band.entry("rules")) is not None
        },
        suggested={
            band.text("id"): advice.values
            for band in answer.entries("bands")
            if (advice := band.entry("suggested")) is not None
        },
    )
