"""Prints as JSON what Qalqan reads on this gateway: the settings by the UCI reader, and the rules."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.core.files import DEFAULT_CONFIG
from gateway.household import loading

household = loading.load(Path(DEFAULT_CONFIG), loading.load_product())
config = household.config
print(
    json.dumps(
        {
            "brand": config.brand.name,
            "colour": config.brand.colour,
            "feed": config.feed.url if config.feed else "",
            "provider": config.feed.provider if config.feed else "",
            "port": config.web.port,
            "token": config.metrics.token_sha256,
            "stop": config.stop_until.isoformat() if config.stop_until else "",
            "rules": repr(sorted(household.profiles.items())),
            "problems": [*household.problems, *config.problems],
        }
    )
)
