from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.feed.publisher import Publisher, Site, serving


@pytest.fixture
def site(publisher: Publisher) -> Iterator[Site]:
    """A web server with the feed of the test's own publisher."""
    with serving(publisher.public) as running:
        yield running
