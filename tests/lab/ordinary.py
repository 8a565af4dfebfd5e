"""Children of four bands, one on each device of the home, with the band's own rules but for its hours."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.age.bands import AgeBand
from tests.lab import names

CHILDREN: Mapping[str, AgeBand] = {
    "tablet": AgeBand.AGE_6_9,
    "phone": AgeBand.AGE_10_12,
    "new": AgeBand.AGE_13_15,
    "parent": AgeBand.AGE_16_17,
}
SEATS = {seat.key: seat for seat in names.SEATS}
DEVICES = pytest.mark.parametrize("device", CHILDREN, ids=[band.value for band in CHILDREN.values()])


def profile(band: AgeBand, device: str, **more: object) -> Mapping[str, object]:
    return {"band": band.value, "devices": [SEATS[device].mac], "bedtime": {}, "limits": {}, **more}


def family() -> dict[str, Mapping[str, object]]:
    return {device: profile(band, device) for device, band in CHILDREN.items()}
