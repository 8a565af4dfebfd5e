"""The kinds of devices that fingerprints.yaml, clues and the pages name."""

from __future__ import annotations

APPLIANCE = "thing"  # a printer, lamp, camera, thermostat, network storage, router
DEVICE_KINDS = ("phone", "tablet", "tv", "console", "computer", "speaker", APPLIANCE)
# These can open the page themselves, so no child claims them from another device.
ASKING_KINDS = frozenset({"phone", "tablet", "computer"})
