"""A short soak: each kind of traffic and each chore reaches the real daemon and pages, and samples come."""

from __future__ import annotations

import pytest

from tests.soak.__main__ import run
from tests.soak.traffic import MIX

pytestmark = [pytest.mark.slow, pytest.mark.needs("root")]


def test_half_a_minute_of_everything() -> None:
    samples, counted = run(45.0, 8.0, devices=3, say=lambda line: None)
    assert len(samples) >= 3
    assert (
        set(counted["tried"]) == set(MIX) == {kind for kind, number in counted["answered"].items() if number}
    )
    assert all(
        sample.daemon_anonymous > 10_000_000 and sample.web_anonymous > 10_000_000 for sample in samples
    )
    assert samples[-1].database > 0
    assert samples[-1].daemon_descriptors < samples[0].daemon_descriptors + 20
