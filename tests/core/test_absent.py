"""What a feature says where its package is not installed: one line, which names the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.web.acme import FOLDER, AcmeAccount, write_account
from tests.hiding import hide

BYPASS_TESTS = (
    "bypass tests need the package python3-cryptography, which is not installed; install it and try again"
)


@pytest.fixture
def without(tmp_path: Path) -> str:
    """The PYTHONPATH of an installation without cryptography, scapy and the pages."""
    return hide(tmp_path, {"cryptography", "scapy", "webui"})


def run(without: str, *argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PYTHONPATH": without}
    command = [sys.executable, "-m", *argv]
    return subprocess.run(command, input=stdin, env=env, capture_output=True, timeout=60, check=False)


def test_the_pages_are_another_package(without: str) -> None:
    done = run(without, "gateway", "web", "--config", "/nonexistent.yaml")
    assert done.returncode == 1
    assert done.stderr == (
        b"qalqan: the pages need the package qalqan-web, which is not installed; install it and try again\n"
    )


@pytest.mark.needs("root")
def test_a_bypass_test_says_what_it_needs(without: str) -> None:
    done = run(without, "gateway", "audit", "daughter", "--config", "/nonexistent.yaml")
    assert (done.returncode, done.stderr.decode()) == (1, f"qalqan: {BYPASS_TESTS}\n")


def test_a_backup_says_what_it_needs(without: str) -> None:
    done = run(
        without, "gateway.web.backup_encryption", "encrypt", stdin=b'{"password": "a long one"}\nrules'
    )
    assert done.returncode == 1
    assert "backups need the package python3-cryptography" in json.loads(done.stderr)["error"]


def test_a_certificate_says_what_it_needs(without: str) -> None:
    done = run(
        without, "gateway.web.certificates", "home.example.org", "/nonexistent.pem", "/nonexistent.key"
    )
    problems = json.loads(done.stdout)["problems"]
    assert problems[-1] == "certificates cannot be read; install the package python3-cryptography"


def test_a_proof_is_refused_by_the_gateway_not_by_its_owner(without: str) -> None:
    asked = {"do": "ask", "origin": "https://home.example.org", "now": "2026-11-27T12:00:00+00:00"}
    done = run(without, "gateway.web.age_proof", stdin=json.dumps(asked).encode())
    assert json.loads(done.stdout) == {"refused": "trust_broken", "told": "gateway"}
    assert b"adult proofs need the package python3-cryptography" in done.stderr


def test_a_trust_file_is_not_signed(without: str) -> None:
    done = run(without, "gateway.web.age_proof", "sign", "/nonexistent.pem", stdin=b"{}")
    assert done.returncode == 1
    assert done.stderr == (
        b"ageproof: trust files need the package python3-cryptography, which is not installed;"
        b" install it and try again\n"
    )


def test_check_names_the_package_for_the_trusted_name(without: str, tmp_path: Path) -> None:
    config = tmp_path / "qalqan.yaml"
    https = {"name": "home.example.org", "certificate": "/nonexistent.pem", "key": "/nonexistent.key"}
    config.write_text(json.dumps({"lan": ["lo"], "state": str(tmp_path), "web": {"https": https}}))
    done = run(without, "gateway", "check", "--json", "--config", str(config))
    findings = json.loads(done.stdout)["findings"]
    (found,) = (one for one in findings if "python3-cryptography" in json.dumps(one))
    assert found["about"] == "certificate"


def test_no_certificate_is_asked_for_that_could_not_be_checked(without: str, tmp_path: Path) -> None:
    config = tmp_path / "qalqan.yaml"
    config.write_text(json.dumps({"lan": ["lo"], "state": str(tmp_path)}))
    account = AcmeAccount("home.duckdns.org", "duckdns", "token", "mum@example.net")
    write_account(tmp_path / FOLDER, account)
    done = run(without, "gateway", "certificate", "renew", "--steps", "--config", str(config))
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"problem": "client"}
    assert b"certificates need the package python3-cryptography" in done.stderr


def test_a_key_for_sealed_sets_says_what_it_needs(without: str, tmp_path: Path) -> None:
    done = run(without, "gateway", "sealed", "key", str(tmp_path / "key.pem"))
    assert done.returncode == 1
    assert b"sealed lists need the package python3-cryptography" in done.stderr


def test_the_daemon_and_its_commands_are_there_without_any(without: str) -> None:
    code = (
        "import gateway.app.service, gateway.check.run, gateway.cli.commands.why, gateway.cli.commands.replay"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": without},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
