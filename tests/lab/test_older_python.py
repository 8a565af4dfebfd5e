"""The daemon and the pages run on Python 3.11, which OpenWrt 24.10 has: the oldest that is supported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import clients, names
from tests.lab.daemon import WEB_PORT
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, fresh, until
from tests.lab.home import Home

pytestmark = pytest.mark.lab

PYTHON = Path(__file__).parents[2] / ".venv-3.11/bin/python"  # made by `make test-system`


@pytest.mark.skipif(not PYTHON.exists(), reason="no Python 3.11 with its packages could be installed")
def test_the_daemon_and_the_pages_run_on_the_oldest_python(home: Home) -> None:
    daemon = fresh(home)
    daemon.run_with(str(PYTHON), "-m", "gateway")
    tablet, parent = home.devices["tablet"], home.devices["parent"]
    with daemon:
        assert Path(f"/proc/{daemon.pid}/exe").resolve().name == "python3.11"
        for version in (4, 6):
            assert fetch(tablet, f"https://{ALLOWED}/", version).status == 200
            assert fetch(tablet, f"https://{REFUSED}/", version).how in CUT
        daemon.client.call("guardian", action="add", name="Mum")
        daemon.client.call("edit", id="daughter", set={"block": [ALLOWED]}, by="Mum")
        assert fetch(tablet, f"https://{ALLOWED}/", 4).how in CUT
        daemon.client.call("pause", who="daughter", minutes=60, by="Mum")
        daemon.reload()
        assert daemon.client.call("status")["problems"] == []
        daemon.start_web()
        page = clients.curl(parent, f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/")
        assert page.how == "HTTP 200", daemon.web_log.read_text()
        log = daemon.log.read_text() + daemon.web_log.read_text()
        assert "Traceback" not in log, log
    assert until(lambda: "table inet qalqan" not in home.gateway.run(["nft", "list", "tables"]).stdout, 3.0)
