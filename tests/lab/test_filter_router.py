"""A router whose first boot it is: no `qalqan.yaml`, its own settings alone. The filter holds, a slip
changes nothing that holds, and what the router decides it decides for daemon and pages.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest
import yaml

from gateway.core.errors import ControlError
from gateway.household.config_file import VARIABLE
from tests.lab import clients, names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import ALLOWED, is_explained
from tests.lab.home import Home
from tests.pace import longest
from tests.web.branding.logos import SVG

pytestmark = pytest.mark.lab

PROFILES = {"daughter": {"band": "10-12", "devices": [names.TABLET.mac], "block": ["service:tiktok"]}}
PORT = WEB_PORT  # where the lab waits for the pages


@dataclass
class Router:
    daemon: Daemon
    uci: Path

    def write(self, *networks: str) -> None:
        daemon = self.daemon
        lan = "".join(f"\tlist lan '{one}'\n" for one in networks)
        logo = self.uci.with_name("logo.svg")
        logo.write_bytes(SVG)
        self.uci.write_text(
            f"config qalqan 'main'\n{lan}"
            f"config web 'web'\n\toption port '{PORT}'\n"
            f"config paths 'paths'\n\toption state '{daemon.state}'\n"
            f"\toption runtime '{daemon.socket.parent}'\n\toption profiles '{daemon.profiles}'\n"
            f"config brand 'brand'\n\toption name 'Alma Net'\n\toption logo '{logo}'\n"
            "config defaults 'defaults'\n\toption country 'kz'\n\tlist propose_band '6-9'\n"
        )


@pytest.fixture(scope="module")
def router(home: Home) -> Iterator[Router]:
    home.begin_anew()
    with pytest.MonkeyPatch.context() as patch:
        shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
        daemon = Daemon(home, PROFILES, web=True)
        zone = yaml.safe_load(daemon.config.read_text())["timezone"]
        daemon.config.unlink()
        here = Router(daemon, home.folder / "config" / "qalqan")
        here.uci.parent.mkdir(exist_ok=True)
        here.uci.with_name("system").write_text(f"config system\n\toption zonename '{zone}'\n")
        here.write(names.LAN)
        patch.setenv(VARIABLE, str(here.uci))
        with daemon:
            yield here


def eventually(holds: Callable[[], bool]) -> None:
    until = monotonic() + longest(10.0)
    while not holds():
        assert monotonic() < until
        sleep(0.1)


def is_refused(router: Router, host: str) -> bool:
    tablet = router.daemon.home.devices[names.TABLET.key]
    return is_explained(clients.dig(tablet, host, "A", server=names.GATEWAY_IPV4))


def test_the_first_boot_writes_the_file_and_the_filter_holds(router: Router) -> None:
    said = yaml.safe_load(router.daemon.config.read_text())
    assert said["country"] == "kz"
    assert said["propose"] == {"bands": ["6-9"]}
    assert set(said) == {"country", "timezone", "propose"}
    assert is_refused(router, "www.tiktok.com")
    assert not is_refused(router, ALLOWED)


def test_the_pages_have_the_router_s_brand(router: Router) -> None:
    tablet = router.daemon.home.devices[names.TABLET.key]
    page = clients.curl(tablet, f"http://{names.GATEWAY_IPV4}:{PORT}/my")
    assert "Alma Net" in page.body
    assert '<img class="logo" src="/brand/logo?v=' in page.body


def test_a_slip_changes_nothing_that_holds_and_is_told(router: Router) -> None:
    router.uci.write_text(router.uci.read_text().replace("list lan", "list lna"))
    try:
        with pytest.raises(ControlError, match=r"main\.lna: is no option of ours; did you mean 'lan'"):
            router.daemon.client.call("edit_family", set={"country": "ru"}, by="console")
        router.daemon.reload()
        log = router.daemon.log
        eventually(lambda: "Until then the last good settings apply." in log.read_text())
        (line,) = [one for one in log.read_text().splitlines() if "last good settings apply" in one]
        assert f"{router.uci}:2: main.lna: is no option of ours; did you mean 'lan'?" in line
        assert is_refused(router, "www.tiktok.com")
        assert [one["option"] for one in router.daemon.client.call("family")["router"]][:2] == [
            "main.lan",
            "web.port",
        ]
    finally:
        router.write(names.LAN)
    assert router.daemon.client.call("edit_family", set={"country": "ru"}, by="console")["changed"] == [
        "country"
    ]


def test_the_first_boot_is_not_a_second_time(router: Router) -> None:
    router.daemon.client.call("edit_family", set={"language": "ru"}, by="console")
    before = router.daemon.config.read_bytes()
    router.daemon.stop()
    router.daemon.start()
    assert router.daemon.config.read_bytes() == before
    assert is_refused(router, "www.tiktok.com")
