"""What the house itself knows of names: the catalogue and the approved sites go before what a list says.

Published lists are made by machines from other lists: in those of today a school's diary is phishing, a maker
of children's films a pirate, and VK adult. A name that stands in the catalogue is what the catalogue says.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.config.registers import is_register
from gateway.policy.names.packs import Site
from gateway.policy.names.services import Service

LEARNING = frozenset({"education", "health", "productivity"})
# Who runs one of these may well be what a list says beside it: a site of pirates adult, a proxy a pirate.
DOUBTFUL = frozenset(
    {
        "adult", "gambling", "drugs_alcohol_tobacco_sales", "weapons_sales", "gore_violence",
        "selfharm_promotion", "hate_extremism", "dating", "random_video_chat", "ai_companions",
        "proxy_vpn_doh", "tor", "piracy", "search_without_safe_mode", "crypto",
    }
)  # fmt: skip
# Who is tracked by a name, or how old it is, the catalogue does not say: services have their own trackers.
OTHER_MATTERS = frozenset({"ads_trackers", "new_domain"})


class Known:
    """``binding``: the categories that are refused for everyone."""

    def __init__(self, services: Iterable[Service], sites: Iterable[Site], binding: Iterable[str]) -> None:
        self._binding = frozenset(binding)
        self._claims: dict[str, frozenset[str]] = {}
        for site in sites:
            self._claim(site.names, LEARNING)
        for service in services:
            if service.categories.isdisjoint(DOUBTFUL):
                self._claim((*service.domains, *service.update), service.categories)

    def _claim(self, names: Iterable[str], categories: frozenset[str]) -> None:
        """An entry for a name above would refuse it as well."""
        for name in names:
            above = "" if "*" in name else name.removeprefix("=")
            while "." in above:
                self._claims[above] = self._claims.get(above, frozenset()) | categories
                above = above.partition(".")[2]

    def disputes(self, category: str, listed: str) -> bool:
        """Whether the entry ``listed`` of a list of that category is not believed.

        Entries for names below ours are: they are more precise than we are.
        """
        claim = self._claims.get(listed)
        if claim is None or is_register(category) or category in OTHER_MATTERS or category in claim:
            return False
        return category not in self._binding or not claim.isdisjoint(LEARNING)
