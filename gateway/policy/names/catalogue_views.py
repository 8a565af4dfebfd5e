"""What the product offers, for pages on which a family chooses."""

from __future__ import annotations

from typing import Any

from gateway.policy.names.categories import Categories
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.to_yaml import by_day, spoken

ENGLISH = "en"  # other languages name kinds and groups by their ids (webui/language/things.py)


def told_catalogue(catalogue: Catalogue, categories: Categories, bands: Bands) -> dict[str, Any]:
    """Services and groups in the order of the files, categories that a family may choose, bands by age."""
    return {
        "services": [
            {
                "id": one.id,
                "name": one.name,
                "group": one.group,
                "category": min(one.categories, default=None),
                "categories": sorted(one.categories),
            }
            for one in catalogue.services.values()
        ],
        "groups": [{"id": one.id, "name": one.name[ENGLISH]} for one in catalogue.groups.values()],
        "categories": [
            {"id": one.id, "name": one.name[ENGLISH], "about": one.about[ENGLISH]}
            for one in categories.by_id.values()
            if not one.binding
        ],
        "bands": [
            {
                "id": band.value,
                "name": bands[band].title[ENGLISH],
                "rules": spoken(bands[band].rules),
                "suggested": {"bedtime": by_day(bands[band].suggested_bedtime, str)},
            }
            for band in sorted(bands, key=lambda one: one.rank)
        ],
    }
