"""The catalogue of rule targets: services in their groups, categories of sites, and age bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.control.contract.rules import CatalogueCategory, CatalogueService, RuleCatalogue
from gateway.policy.names.list_ids import is_own_list
from gateway.policy.profile.rules import action_target
from webui.language.i18n import gettext as _
from webui.language.spelling import Query, closest
from webui.language.things import about, thing, translated
from webui.rules.ruleset import INTERNET, PLAY


@dataclass(frozen=True, slots=True)
class CatalogueIndex:
    """The services, groups, categories and age groups that rules can name, by id.

    Names are in the reader's language.
    """

    services: Mapping[str, CatalogueService]
    groups: Mapping[str, str]  # names by id
    kinds: Mapping[str, CatalogueCategory]  # categories that a family may set
    bands: Mapping[str, Mapping[str, Any]]  # the rules of each band
    # Rules that a band only suggests.
    suggested: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def other_groups(self) -> Mapping[str, str]:
        """Names by id of the service groups that have not the same name as a category.

        A list with both would show a name twice.
        """
        named = {kind.name.casefold() for kind in self.kinds.values()}
        return {key: name for key, name in self.groups.items() if name.casefold() not in named}

    def called_by_key(self, key: str) -> str:
        """Return the name, in the reader's language, for a key of the rule ``categories``.

        ``key``: a category's id or ``service:ID``.
        """
        return self.called(action_target(key))

    def called(self, target: str) -> str:
        """Return the name of a rule's target in the reader's language.

        ``target``: ``service:ID``, ``category:ID``, ``group:ID``, or a word such as ``internet`` or ``play``.
        A site or an unknown target is returned unchanged.
        """
        kind, colon, key = target.partition(":")
        if not colon:
            return translated(target) or target
        if kind == "service" and key in self.services:
            return self.services[key].name
        if kind == "category" and key in self.kinds:
            return self.kinds[key].name
        if kind == "group" and key in self.groups:
            return self.groups[key]
        return target

    def knows(self, target: str) -> bool:
        """Return whether a schedule or time limit can apply to the target.

        True for ``internet``, ``play``, and known services, categories and groups; False for sites.
        """
        kind, colon, key = target.partition(":")
        if not colon:
            return target in (INTERNET, PLAY)
        known: dict[str, Mapping[str, object]] = {
            "service": self.services,
            "category": self.kinds,
            "group": self.groups,
        }
        return key in known.get(kind, {})

    def search(self, words: str) -> tuple[CatalogueService, ...]:
        """Return the services with names that match the typed ``words``, the best match first."""
        names = {service.id: service.name for service in self.services.values()}
        return tuple(self.services[key] for key in closest(Query.of(words), names))

    def grouped(self, services: tuple[CatalogueService, ...]) -> dict[str, list[CatalogueService]]:
        """Return the services by the id of their group. Groups are sorted by name."""
        groups: dict[str, list[CatalogueService]] = {}
        for service in services:
            groups.setdefault(service.group, []).append(service)
        return dict(sorted(groups.items(), key=lambda item: self.groups.get(item[0], item[0]).casefold()))


def catalogue_of(sent: RuleCatalogue) -> CatalogueIndex:
    """Return the catalogue that the daemon sent, with names in the reader's language."""
    return CatalogueIndex(
        services={service.id: service for service in sent.services},
        groups={group.id: thing(f"group:{group.id}", group.name) for group in sent.groups},
        kinds={
            category.id: replace(
                category,
                name=thing(f"category:{category.id}", category.name),
                about=_("A list of your own.")
                if is_own_list(category.id)
                else about(category.id, category.about),
            )
            for category in sent.categories
        },
        bands={band.id: band.rules for band in sent.bands},
        suggested={band.id: band.suggested for band in sent.bands},
    )


def tone(service: CatalogueService) -> int:
    """Return the number, 0 to 4, of the colour in which a service's initial is drawn. It never changes."""
    return sum(service.id.encode()) % 5
