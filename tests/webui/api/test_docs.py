"""The examples of docs/developers/api.md are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.control.running import Running
from tests.webui.api.clients import token
from tests.webui.serving import free_port, serving
from tests.webui.standin.household import Household

TEXT = (Path(__file__).parents[3] / "docs" / "developers" / "api.md").read_text()


@pytest.mark.needs("curl")
def test_the_three_examples_do_what_is_said(daemon: Running, household: Household) -> None:
    examples = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    assert len(examples) == 3
    port = free_port()
    with serving(daemon.path, port):
        environment = {**os.environ, "QALQAN": f"http://127.0.0.1:{port}", "TOKEN": token(household)}
        children, pause, events = (
            subprocess.run(["sh", "-c", one], env=environment, capture_output=True, text=True, timeout=60)
            for one in examples
        )
    assert [one["name"] for one in json.loads(children.stdout)["children"]] == ["Aruzhan", "Timur", "Dana"]
    assert json.loads(pause.stdout)["until"]
    assert "daughter" in household.paused
    assert "event: hello" in events.stdout
