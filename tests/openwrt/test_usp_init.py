"""`/etc/init.d/qalqan-usp` and the object on ubus for bbfdm, under busybox ash."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gateway.usp.documents import UBUS_OBJECT, bbfdm_plugin
from tests.openwrt.goldenfiles import same_as_golden
from tests.openwrt.router import FILES, STATIC, Router

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

USP = "config usp 'usp'\n\toption vendor 'isp.example'\n"


@pytest.fixture
def router(ready: Router) -> Router:
    ready.script("qalqan", "start")  # gives the state its owner
    ready.forget()
    return ready


def test_it_runs_as_the_daemon_s_user(router: Router) -> None:
    router.config("qalqan", USP)
    done = router.script("qalqan-usp", "start")
    assert (done.returncode, done.stderr) == (0, "")
    assert same_as_golden(router.told(), "start-usp")


@pytest.mark.parametrize(
    "config", ["", "config usp 'usp'\n", USP + "\toption enabled '0'\n"], ids=["none", "no-vendor", "off"]
)
def test_it_is_off_without_a_vendor_or_if_it_is_switched_off(router: Router, config: str) -> None:
    router.config("qalqan", config)
    router.script("qalqan-usp", "start")
    assert "instance" not in router.told()


def test_it_runs_as_root_where_the_daemon_does(router: Router) -> None:
    router.config("qalqan", USP + "config paths 'paths'\n\toption state '/mnt/stick'\n")
    (router.root / "mnt/stick").mkdir(parents=True)
    router.script("qalqan-usp", "start")
    assert "instance [usp]" in router.told()
    assert "user [" not in router.told()


def rpcd(tmp_path: Path, *words: str, status: int = 0) -> tuple[str, int]:
    """Run the script with a `qalqan` that writes how it was called; return its output and exit status."""
    text = (FILES / "qalqan.provider").read_text("utf-8")
    program = tmp_path / "qalqan"
    program.write_text(f'#!/bin/sh\necho "$@"\necho trouble >&2\nexit {status}\n', "utf-8")
    program.chmod(0o755)
    script = tmp_path / "qalqan.provider"
    script.write_text(text.replace("/usr/bin/qalqan", str(program)), "utf-8")
    done = subprocess.run(["sh", script, *words], capture_output=True, text=True, timeout=10)
    assert done.stderr == ""
    return done.stdout, done.returncode


def test_the_object_on_ubus_has_each_method_of_the_plug_in(tmp_path: Path) -> None:
    methods = json.loads(rpcd(tmp_path, "list")[0])
    used = {
        call["method"]
        for call in find(json.loads(bbfdm_plugin()), "ubus")
        if isinstance(call, dict) and call["object"] == UBUS_OBJECT
    }
    assert used == methods.keys()
    assert (FILES / UBUS_OBJECT).is_file()  # rpcd names the object after the file


def find(value: object, key: str) -> list[object]:
    if isinstance(value, list):
        return [found for item in value for found in find(item, key)]
    if not isinstance(value, dict):
        return []
    own = [value[key]] if key in value else []
    return own + [found for item in value.values() for found in find(item, key)]


@pytest.mark.parametrize("status", [0, 1])
def test_a_call_is_the_command_s_with_its_exit_status(tmp_path: Path, status: int) -> None:
    assert rpcd(tmp_path, "call", "switch", status=status) == ("usp --call switch\n", status)
