"""Schemathesis finds no 5xx, and no answer that the document does not have."""

from __future__ import annotations

import pytest

from tests.control.running import Running
from tests.webui.api.clients import token
from tests.webui.api.fuzzed import fuzz
from tests.webui.serving import free_port, serving
from tests.webui.standin.household import Household


@pytest.mark.parametrize(
    "examples", [pytest.param(2, id="few"), pytest.param(40, id="many", marks=pytest.mark.slow)]
)
def test_schemathesis_finds_nothing(
    daemon: Running, household: Household, ruled: None, examples: int
) -> None:
    port = free_port()
    with serving(daemon.path, port) as process:
        found = fuzz(f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {token(household)}"}, examples)
        assert not found, found
        assert process.poll() is None
