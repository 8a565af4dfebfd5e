"""The NFQUEUE targets in the table: they come, survive updates, and are mended.

Traffic goes through them in test_traffic.py, on kernels without nft's own queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.core.errors import KernelError
from gateway.kernel.fallback import TargetQueue, has_target, native_queue
from gateway.kernel.marks import QUEUES
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.table import render, render_repair, render_update
from tests.kernel.home import Namespace
from tests.kernel.snapshots import FAMILY, ONE_CHILD

pytestmark = pytest.mark.lab

CHILD, HOUSE = replace(ONE_CHILD, native=False), replace(FAMILY, native=False)
BASE = CHILD.queue_base


@pytest.fixture
def nft(namespace: Namespace) -> Iterator[Nft]:
    made = Nft()
    made.apply(render(CHILD))
    yield made
    made.close()


@pytest.fixture
def queue(nft: Nft) -> Iterator[TargetQueue]:
    made = TargetQueue(BASE)
    yield made
    made.close()


def listed(namespace: Namespace) -> dict[int, str]:
    """First rule of each queue's chain, as nft shows it."""
    text = namespace.run("nft", "list", "table", "inet", "qalqan")
    return {int(number): rule for number, rule in re.findall(r"chain queue(\d+) \{\n\s*(.*)\n", text)}


def test_targets_come_with_their_numbers_and_failure_modes(namespace: Namespace, queue: TargetQueue) -> None:
    assert not queue.intact()
    queue.install()
    assert queue.intact()
    expected = {
        BASE + number: f"queue num {BASE + number}{' bypass' if number % 6 in (0, 1, 4) else ''}"
        for number in range(QUEUES)
    }
    assert listed(namespace) == expected


def test_install_may_be_repeated(namespace: Namespace, queue: TargetQueue) -> None:
    for _ in range(2):
        queue.install()
        assert namespace.run("nft", "list", "table", "inet", "qalqan").count("queue num") == QUEUES


def test_updates_leave_the_targets_alone(nft: Nft, queue: TargetQueue) -> None:
    queue.install()
    nft.apply(render_update(CHILD, replace(HOUSE, lan=CHILD.lan, unassigned=(), owners=CHILD.owners)))
    assert queue.intact()


@pytest.mark.parametrize(
    "damage",
    [
        f"flush chain inet qalqan queue{BASE}",
        f"flush chain inet qalqan queue{BASE + 14}",
        f"insert rule inet qalqan queue{BASE + 2} accept",
        "flush table inet qalqan",
        "delete table inet qalqan",
    ],
)
def test_damage_is_seen_and_mended(nft: Nft, queue: TargetQueue, damage: str) -> None:
    queue.install()
    nft.apply(damage)
    assert not queue.intact()
    nft.apply(render_repair(CHILD))
    queue.install()
    assert queue.intact()


def test_probes_leave_no_table(nft: Nft) -> None:
    assert native_queue(nft) or has_target()
    has_target()
    assert not nft.exists("inet qalqan_probe")


def test_refusal_is_one_clear_line(namespace: Namespace) -> None:
    queue = TargetQueue(BASE)
    with pytest.raises(KernelError, match="refuses the NFQUEUE target") as raised:
        queue.install()
    assert "\n" not in str(raised.value)
    queue.close()
