"""Names of the catalogue and the approved sites, which take precedence over published lists.

Published lists are often merged automatically from other lists. Current lists call a school diary phishing,
a maker of children's films a pirate site, and VK adult. For a name in the catalogue, the catalogue decides.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.config.registers import is_register
from gateway.policy.names.packs import Site
from gateway.policy.names.services import Service

LEARNING = frozenset({"education", "health", "productivity"})
# A service of one of these categories may also be in another: a pirate site adult, a proxy a pirate site.
DOUBTFUL = frozenset(
    {
        "adult", "gambling", "drugs_alcohol_tobacco_sales", "weapons_sales", "gore_violence",
        "selfharm_promotion", "hate_extremism", "dating", "random_video_chat", "ai_companions",
        "proxy_vpn_doh", "tor", "piracy", "search_without_safe_mode", "crypto",
    }
)  # fmt: skip
# The catalogue has no data on tracking or on the age of a name: services have their own trackers.
OTHER_MATTERS = frozenset({"ads_trackers", "new_domain"})


class CatalogueNames:
    """Decides which list entries the catalogue contradicts. ``binding``: categories blocked for everyone."""

    def __init__(self, services: Iterable[Service], sites: Iterable[Site], binding: Iterable[str]) -> None:
        self._binding = frozenset(binding)
        self._claims: dict[str, frozenset[str]] = {}
        for site in sites:
            self._claim(site.names, LEARNING)
        for service in services:
            if service.categories.isdisjoint(DOUBTFUL):
                self._claim((*service.domains, *service.update), service.categories)

    def _claim(self, names: Iterable[str], categories: frozenset[str]) -> None:
        """Claim the names and their parent domains, since an entry for a parent blocks the name too."""
        for name in names:
            above = "" if "*" in name else name.removeprefix("=")
            while "." in above:
                self._claims[above] = self._claims.get(above, frozenset()) | categories
                above = above.partition(".")[2]

    def disputes(self, category: str, listed: str) -> bool:
        """Return whether the catalogue contradicts the entry ``listed`` of a list of that category.

        An entry for a subdomain of a catalogue name is accepted, since it is more precise.
        """
        claim = self._claims.get(listed)
        if claim is None or is_register(category) or category in OTHER_MATTERS or category in claim:
            return False
        return category not in self._binding or not claim.isdisjoint(LEARNING)
