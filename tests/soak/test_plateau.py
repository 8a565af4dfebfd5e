"""The verdicts of a soak: what still grows after the warm-up is found, what settled is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.soak.__main__ import verdict
from tests.soak.plateau import LIMITS, MB, WARM_UP_S, Sample, growths, table

SETTLED = Sample(0, 40 * MB, 30 * MB, 37, 42 * MB, 35 * MB, 12, MB, 2 * MB, 1000)


def run(**changes: Callable[[float], float]) -> list[Sample]:
    """Two hours, a sample each ten seconds; ``changes``: a figure as a function of the seconds."""
    found = []
    for seconds in range(0, 7200, 10):
        values = {name: int(value(seconds)) for name, value in changes.items()}
        found.append(replace(SETTLED, seconds=float(seconds), **values))
    return found


def unmet(samples: list[Sample]) -> list[str]:
    return [growth.name for growth in growths(samples) if not growth.met]


def test_growth_during_the_warm_up_is_no_fault() -> None:
    assert unmet(run(daemon_anonymous=lambda seconds: 30 * MB + min(seconds, 800) * 20_000)) == []


@pytest.mark.parametrize("name", LIMITS)
def test_each_figure_that_grows_by_twice_its_limit_is_reported(name: str) -> None:
    start, an_hour = getattr(SETTLED, name), 2 * LIMITS[name]
    assert unmet(run(**{name: lambda seconds: start + an_hour * seconds / 3600})) == [name]


def test_noise_is_no_growth() -> None:
    noisy = run(daemon_resident=lambda seconds: 40 * MB + (seconds // 10 % 7) * MB)
    assert unmet(noisy) == []


def test_a_short_run_gets_no_verdict() -> None:
    with pytest.raises(ValueError, match="too few"):
        list(growths(run()[:95]))


def test_the_table_has_the_first_and_the_last_sample() -> None:
    heading, *lines = table(run(), rows=10)
    assert heading.split()[:2] == ["minute", "daemon_resident"]
    assert len(lines) <= 11
    assert (lines[0].split()[0], lines[-1].split()[0]) == ("0.0", "119.8")


def test_a_line_says_whether_the_limit_is_met() -> None:
    lines = [growth.line() for growth in growths(run(web_descriptors=lambda seconds: 12 + seconds / 60))]
    assert [line for line in lines if "NOT MET" in line] == [
        "  web_descriptors             60 an hour, at most     4  NOT MET"
    ]


def test_a_run_that_is_too_short_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(run()) == 0
    assert verdict(run(daemon_anonymous=lambda seconds: 30 * MB + seconds * 2_000)) == 1
    assert verdict([sample for sample in run() if sample.seconds < WARM_UP_S]) == 2
    assert "no verdict" in capsys.readouterr().err
