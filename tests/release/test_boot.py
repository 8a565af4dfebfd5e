"""The network around the booted image: what counts there as reached, and as blocked by the filter."""

from __future__ import annotations

from pathlib import Path

from tests.pace import until
from tests.release.boot import ALLOWED, BLOCKED, PARENT, ROUTER, HomeNetwork, is_blocked, is_reached


def test_no_answer_is_no_block(namespaces: None, tmp_path: Path) -> None:
    """Without a filter, each site is reached. A resolver that does not answer blocks nothing."""
    with HomeNetwork(tmp_path) as network:
        assert until(lambda: is_reached(network.tablet, ALLOWED, ROUTER), 5.0) is not None, "HTTP and HTTPS"
        assert not is_blocked(network.tablet, BLOCKED, ROUTER)
        assert not is_reached(network.tablet, ALLOWED, PARENT)
        assert not is_blocked(network.tablet, BLOCKED, PARENT)
