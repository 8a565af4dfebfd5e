"""Lists the package's services, categories and age groups, for pages on which a family chooses."""

from __future__ import annotations

from gateway.control.contract.rules import (
    CatalogueBand,
    CatalogueCategory,
    CatalogueGroup,
    CatalogueService,
    RuleCatalogue,
)
from gateway.household.loading import Product
from gateway.policy.profile.rule_file import by_day_to_yaml, rules_to_yaml

ENGLISH = "en"  # the pages translate categories and groups by their ids (webui/language/things.py)


def catalogue_view(product: Product) -> RuleCatalogue:
    """Return services and groups in file order, the categories that a family may set, and age groups.

    ``product``: the packaged data.
    """
    catalogue, bands = product.catalogue, product.bands
    return RuleCatalogue(
        services=tuple(
            CatalogueService(
                id=service.id,
                name=service.name,
                group=service.group,
                category=min(service.categories, default=None),
                categories=tuple(sorted(service.categories)),
                min_age=None if service.min_age is None else service.min_age.years,
            )
            for service in catalogue.services.values()
        ),
        groups=tuple(
            CatalogueGroup(id=group.id, name=group.name[ENGLISH]) for group in catalogue.groups.values()
        ),
        categories=tuple(
            CatalogueCategory(id=category.id, name=category.name[ENGLISH], about=category.about[ENGLISH])
            for category in product.categories.by_id.values()
            if not category.binding
        ),
        bands=tuple(
            CatalogueBand(
                id=band.value,
                name=bands[band].title[ENGLISH],
                rules=rules_to_yaml(bands[band].rules),
                suggested={"bedtime": by_day_to_yaml(bands[band].suggested_bedtime, str)},
            )
            for band in sorted(bands, key=lambda band: band.rank)
        ),
    )
