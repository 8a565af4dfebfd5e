"""The product's services, categories and bands, for pages on which a family chooses."""

from __future__ import annotations

from typing import Any

from gateway.policy.names.categories import Categories
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.rule_file import by_day_to_yaml, rules_to_yaml

ENGLISH = "en"  # the pages translate categories and groups by their ids (webui/language/things.py)


def catalogue_to_dict(catalogue: Catalogue, categories: Categories, bands: Bands) -> dict[str, Any]:
    """Return services and groups in file order, the categories that a family may set, and bands by age."""
    return {
        "services": [
            {
                "id": service.id,
                "name": service.name,
                "group": service.group,
                "category": min(service.categories, default=None),
                "categories": sorted(service.categories),
            }
            for service in catalogue.services.values()
        ],
        "groups": [{"id": group.id, "name": group.name[ENGLISH]} for group in catalogue.groups.values()],
        "categories": [
            {"id": category.id, "name": category.name[ENGLISH], "about": category.about[ENGLISH]}
            for category in categories.by_id.values()
            if not category.binding
        ],
        "bands": [
            {
                "id": band.value,
                "name": bands[band].title[ENGLISH],
                "rules": rules_to_yaml(bands[band].rules),
                "suggested": {"bedtime": by_day_to_yaml(bands[band].suggested_bedtime, str)},
            }
            for band in sorted(bands, key=lambda band: band.rank)
        ],
    }
