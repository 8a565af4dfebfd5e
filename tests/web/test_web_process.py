"""`qalqan web` becomes a process that holds what the pages need, and nothing more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.webui.serving import ROOT, ask, command, free_port, serving

LOADED = """
import sys
from gateway.web.partial_imports import import_without_unused_modules
from gateway.core.process_memory import one_openssl
one_openssl()
import_without_unused_modules()
import webui.serve
print(*sys.modules)
"""
LATER = (
    LOADED
    + """
import werkzeug.test, click, ssl, flask.testing, segno.writers
from webui.messages import ntfy
assert werkzeug.test.EnvironBuilder("/x").get_environ()["PATH_INFO"] == "/x"
assert click.Command("a").name == "a"
assert segno.writers.write_svg
"""
)


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, timeout=90, capture_output=True, text=True
    )
    return done.stdout


def test_the_pages_hold_no_tls_no_yaml_and_no_server_of_flask_s_own() -> None:
    heavy = {"ssl", "_ssl", "yaml", "click", "werkzeug.serving", "werkzeug.test", "http.client", "babel",
             "urllib.request", "argparse", "cryptography", "werkzeug.debug", "segno.writers",
             "gateway.filter_test.catalogue"}  # fmt: skip
    assert heavy & set(_run(LOADED).split()) == set()


def test_who_asks_for_what_was_left_out_gets_the_real_one() -> None:
    _run(LATER)


def test_the_command_reads_the_family_s_file_and_serves(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "qalqan.yaml"
    config.write_text(json.dumps({"lan": ["lo"], "state": str(tmp_path), "runtime": str(tmp_path),
                                  "web": {"listen": f"127.0.0.1:{port}"}}))  # fmt: skip
    argv = [sys.executable, "-m", "gateway", "web", "--config", str(config)]
    with serving(tmp_path / "control.sock", port, argv=argv) as process:
        assert ask(port, "/calendar")[0] == 200
        assert b"gateway.cli.web_process" in Path(f"/proc/{process.pid}/cmdline").read_bytes(), (
            "it became another one"
        )
        limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
        assert next(line.split()[4:6] for line in limits if line.startswith("Max core file size")) == [
            "0",
            "0",
        ]
    assert (tmp_path / "web" / "session.key").exists()


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path / "control.sock", port):
        done = subprocess.run(
            command(tmp_path / "control.sock", port), cwd=ROOT, check=False, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"qalqan: port {port} is taken by another program; stop it, or set web.port to another"
    ]
