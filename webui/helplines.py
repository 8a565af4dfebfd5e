"""The packaged help lines, for when the daemon has not sent any."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from gateway.core.errors import PolicyError

_log = logging.getLogger(__name__)


def packaged(country: str) -> Mapping[str, Any]:
    """Return the country's help lines in the form of the verb `helplines`; none if the package is damaged."""
    # Imported here: two megabytes that the pages rarely need.
    from gateway.household.loading import load_countries
    from gateway.policy.names.countries import lines_for, rights_for

    try:
        countries = load_countries()
        return {
            "lines": [line.to_dict() for line in lines_for(countries, country)],
            "rights": [line.to_dict() for line in rights_for(countries, country)],
        }
    except PolicyError as error:
        _log.error("help lines cannot be read: %s", error)
        return {}
