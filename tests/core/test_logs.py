from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging
from gateway.core.logs import configure
configure({form!r})
logging.getLogger("gateway.x").info("a %s line", "one")
try:
    raise ValueError("why")
except ValueError:
    logging.getLogger("gateway.x").exception("it failed")
"""


def said(form: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT.format(form=form)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()


def test_plain_lines() -> None:
    lines = said("plain")
    assert lines[:2] == ["INFO: a one line", "ERROR: it failed"]
    assert lines[-1] == "ValueError: why"


def test_procd_gets_errors_alone_on_standard_error() -> None:
    """It logs that stream with the priority of an error."""
    command = [sys.executable, "-c", SCRIPT.format(form="procd")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "INFO: a one line\n"
    assert done.stderr.startswith("ERROR: it failed\n")


def test_json_lines_stay_one_line_each() -> None:
    first, second = (json.loads(line) for line in said("json"))
    assert (first["level"], first["from"], first["message"]) == ("info", "gateway.x", "a one line")
    assert first["time"].endswith("+00:00")
    assert "ValueError: why" in second["trace"]
