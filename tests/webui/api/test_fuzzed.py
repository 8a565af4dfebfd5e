"""Schemathesis finds no 5xx, and no answer that the document does not have."""

from __future__ import annotations

import pytest

from tests.control.running import Running
from tests.webui.api.clients import token
from tests.webui.api.fuzzed import fuzz
from tests.webui.serving import free_port, serving
from tests.webui.standin.household import Household

LONG = 1500.0  # seconds for many examples of each operation, whatever else the machine has to do


@pytest.mark.timeout(LONG + 100)
@pytest.mark.parametrize(
    "examples",
    [
        pytest.param(2, id="few", marks=pytest.mark.system),
        pytest.param(40, id="many", marks=pytest.mark.slow),
    ],
)
def test_schemathesis_finds_nothing(
    daemon: Running, household: Household, ruled: None, examples: int
) -> None:
    port = free_port()
    with serving(daemon.path, port) as process:
        bearer = {"Authorization": f"Bearer {token(household)}"}
        found = fuzz(f"http://127.0.0.1:{port}", bearer, examples, timeout=LONG)
        assert not found, found
        assert process.poll() is None
