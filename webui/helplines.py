"""Help lines as they are installed, for when no daemon has told any: whoever needs one needs it then too."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from gateway.core.errors import PolicyError

_log = logging.getLogger(__name__)


def packaged(country: str) -> Mapping[str, Any]:
    """As the verb `helplines` tells those of ``country``; none of a damaged package."""
    # Two megabytes, which the pages seldom need.
    from gateway.household.loading import load_countries
    from gateway.policy.names.countries import lines_for, rights_for

    try:
        countries = load_countries()
        return {
            "lines": [one.to_dict() for one in lines_for(countries, country)],
            "rights": [one.to_dict() for one in rights_for(countries, country)],
        }
    except PolicyError as error:
        _log.error("help lines cannot be read: %s", error)
        return {}
