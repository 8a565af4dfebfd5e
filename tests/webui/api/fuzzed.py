"""Schemathesis against a running API: what fits the document, and what does not, of every operation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

CONFIG = Path(__file__).with_name("schemathesis.toml")
SEED = 20261124
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
)


def fuzz(
    url: str,
    headers: Mapping[str, str],
    examples: int,
    *prefix: str,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    known: Mapping[str, str] | None = None,
    document: Mapping[str, object] | None = None,
    timeout: float = 300.0,
) -> str:
    """What it found, empty where that is nothing. Streams are left out: they have no end. Who asks is held to
    by tests of its own, since wrong tokens make all of that device wait. ``only`` and ``without`` name
    operations. ``known``: what stands in these places of a path, so that there is something to change;
    ``document``: in place of the one that is served.
    """
    with NamedTemporaryFile("w", suffix=".toml") as config, NamedTemporaryFile("w", suffix=".json") as given:
        json.dump(document or {}, given)
        given.flush()
        place = [given.name, "--url", f"{url}/api/v1"] if document else [f"{url}/api/v1/openapi.json"]
        places = "".join(f'"path.{name}" = "{one}"\n' for name, one in (known or {}).items())
        config.write(f"[parameters]\n{places}\n{CONFIG.read_text()}" if places else CONFIG.read_text())
        config.flush()
        command = [
            *prefix, sys.executable, "-m", "schemathesis.cli", "--config-file", config.name, "run",
            *place, "--phases", "examples,coverage,fuzzing",
            "--max-examples", str(examples), "--mode", "all", "--seed", str(SEED),
            "--generation-deterministic", "--no-color",
            "--checks", ",".join(CHECKS), "--request-timeout", "10", "--workers", "2",
        ]  # fmt: skip
        for name, value in headers.items():
            command += ["--header", f"{name}: {value}"]
        for name in only:
            command += ["--include-operation-id", name]
        for name in () if only else ("events_stream", *without):
            command += ["--exclude-operation-id", name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    return "" if done.returncode == 0 else done.stdout + done.stderr
