"""The script that starts the service again when the daemon begins or ends to filter a child."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.openwrt.router import STATIC, Router
from tests.openwrt.test_init import FILTERS, HARDWARE, agree
from tests.pace import until, within

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

LOOK_S = 2.0  # of the script
PROMISED_S = 3.0  # docs/providers/openwrt.md: for the daemon's answer to have its effect


@pytest.fixture
def watch(ready: Router) -> Iterator[Router]:
    """A router with hardware offloading and a yes, and the script as procd starts it."""
    agree(ready)
    (ready.root / FILTERS).unlink()
    ready.config("firewall", HARDWARE)
    ready.script("qalqan", "start")
    ready.forget()
    command = ["chroot", str(ready.root), "/usr/lib/qalqan/firewall-offload", "/var/run/qalqan/filters"]
    with subprocess.Popen(command, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}) as script:
        yield ready
        script.terminate()
        assert script.wait(2 * LOOK_S) == 0


def test_it_follows_the_daemon(watch: Router) -> None:
    """Nothing happens before the daemon says anything, and each answer has its effect once."""
    assert within(lambda: "service" in watch.told(), 1.0) is None
    assert watch.config("firewall") == HARDWARE
    for answer, said, value in (("yes", "is off while", "0"), ("no", "is on again", "1")):
        watch.forget()
        watch.write(FILTERS, f"{answer}\n")
        assert until(lambda said=said: said in watch.told(), PROMISED_S) is not None  # type: ignore[misc]
        for option in ("flow_offloading", "flow_offloading_hw"):
            assert watch.uci("get", f"firewall.@defaults[0].{option}") == value
        assert within(lambda: watch.told().count("service [qalqan]") > 1, LOOK_S + 1) is None
