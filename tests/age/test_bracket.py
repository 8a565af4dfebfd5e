"""The household bracket: every band is in one, and nothing that answers on the wire knows it."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.age.bands import Band

GATEWAY = Path(__file__).parents[2] / "gateway"


def test_every_band_is_in_one_bracket() -> None:
    assert {band.value: band.bracket for band in Band} == {
        "0-5": "<13", "6-9": "<13", "10-12": "<13", "13-15": "13-15", "16-17": "16-17", "adult": "18+",
    }  # fmt: skip


def test_nothing_of_the_gateway_sends_it() -> None:
    """It is made for a page that a child reads: no verb, no packet, no answer of DNS has it."""
    using = [
        str(path.relative_to(GATEWAY))
        for path in GATEWAY.rglob("*.py")
        if re.search(r"\.bracket\b|[\"']bracket[\"']", path.read_text())
    ]
    assert using == []
