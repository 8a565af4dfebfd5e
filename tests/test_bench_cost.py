"""The arithmetic of the cost model for routers."""

from __future__ import annotations

import pytest

from tests.bench import cost
from tests.bench.cost import ROUTERS, Count, computed, read_count, waiting, working
from tests.bench.costrun import main

OUTPUT = """\
desc: I1 cache: 32768 B, 32 B, 4-way associative
cmd: python -m tests.bench.costrun 200 1400 0
events: Ir I1mr ILmr Dr D1mr DLmr Dw D1mw DLmw
fl=file.c
fn=summary: a function may have any name
1 900 1 1 1 1 1 1 1 1
summary: 1000 40 4 300 30 3 200 20 2
"""


def test_totals_are_read_from_the_output_of_cachegrind() -> None:
    assert read_count(OUTPUT) == Count(1000, accesses=500, first_misses=90, last_misses=9)


def test_an_output_without_totals_is_an_error() -> None:
    with pytest.raises(ValueError, match="no totals"):
        read_count(OUTPUT.partition("summary: 1")[0])


def test_what_two_runs_have_in_common_cancels() -> None:
    start, each = Count(10_000, 4_000, 700, 80), Count(300, 120, 9, 2)

    def run(connections: int) -> Count:
        return Count(
            start.instructions + connections * each.instructions,
            start.accesses + connections * each.accesses,
            start.first_misses + connections * each.first_misses,
            start.last_misses + connections * each.last_misses,
        )

    assert run(400).less(run(200), 200) == each


def test_time_follows_from_the_published_program() -> None:
    """A connection with as many instructions as its step takes as long as that step."""
    reference = ROUTERS[0]
    step = Count(cost.STEP_INSTRUCTIONS, 0, 0, 0)
    assert working(reference, step) == pytest.approx(158.263 / 5_000_000)
    for router in ROUTERS:
        assert working(router, step) * router.speed == pytest.approx(158.263 / 5_000_000)
        assert waiting(router, step) == 0.0
        wait = waiting(router, Count(0, 0, 1000, 10))
        assert wait * 1e9 == pytest.approx(1000 * router.last_ns + 10 * router.memory_ns)


def test_figures_of_a_router() -> None:
    router = ROUTERS[0]
    split = Count(cost.STEP_INSTRUCTIONS * 10, 0, 10_000, 100)
    whole = Count(cost.STEP_INSTRUCTIONS * 5, 0, 5_000, 50)
    cold = Count(cost.STEP_INSTRUCTIONS * 10, 0, 10_000, 4_000)
    rate, warm, later = computed(router, split, whole, cold)
    microseconds = 316.526 + 10_000 * 0.014 + 100 * 0.12
    assert warm.measured == pytest.approx(microseconds)
    assert rate.measured == pytest.approx(1e6 / microseconds)
    assert rate.note == "3,159 if no miss waits; 4,269 with hellos in one packet"
    assert later.measured == pytest.approx(316.526 + 10_000 * 0.014 + 4_000 * 0.12)
    assert later.note == "256 kB from memory"
    assert all(figure.name.startswith("computed, ") for figure in (rate, warm, later))


def test_routers_are_slower_the_older_their_cores() -> None:
    speeds = {router.name: router.speed for router in ROUTERS}
    assert speeds["Raspberry Pi 4"] == 1.0
    assert speeds["MT7621"] < speeds["MT7981"] < speeds["IPQ8072A"]


@pytest.mark.parametrize("segment", [cost.SPLIT, cost.WHOLE])
def test_the_counted_program_runs(segment: int) -> None:
    main(2, segment, 64, handled=True)
    main(2, segment, 64, handled=False)
