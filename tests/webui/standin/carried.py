"""The rules of a child as another home sends them."""

from __future__ import annotations

import json


def in_file(**said: object) -> str:
    whole = {"qalqan": "rules", "version": 1, "name": "Aruzhan", "band": "10-12", "rules": {}}
    return json.dumps(whole | said)
