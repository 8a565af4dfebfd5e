"""The real daemon whose database is lost, or is a newer version's, between two starts.

What filters, who may sign in, and who may claim.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.store.migrations import MIGRATIONS
from tests.lab import clients, names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, fresh, until
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.sentences import sentence

pytestmark = pytest.mark.lab

NOTICE = 'id="accounts-lost"'
SECRET = f"scrypt:8192:8:10${'s' * 16}${'a' * 128}"


def claim(daemon: Daemon, label: str, name: str) -> None:
    daemon.client.call(
        "guardian", action="claim", label=label, name=name, secret=SECRET, origin=names.TABLET.ipv4
    )


def web_page(device: Namespace, path: str) -> str:
    """Return the page that a browser without a session gets, after redirects."""
    got = clients.curl(device, f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/{path}", extra=["--location"])
    assert got.status == 200, got
    return got.body


def owners(daemon: Daemon) -> dict[str, str]:
    """Return the person or place by whose rules each device is filtered."""
    return {found["mac"]: found["profile"] for found in daemon.client.call("devices")["devices"]}


def lose(daemon: Daemon, how: str) -> None:
    """Damage the database of a daemon that was killed."""
    for end in ("-wal", "-shm"):
        daemon.database.with_name(daemon.database.name + end).unlink(missing_ok=True)
    daemon.database.unlink()
    if how == "a folder":
        daemon.database.mkdir()
    elif how == "garbage":
        daemon.database.write_bytes(b"<html>not a database</html>" * 1000)
    elif how == "empty":
        daemon.database.touch()


@pytest.mark.parametrize("how", ["missing", "empty", "garbage", "a folder", "deleted while it runs"])
def test_rules_accounts_and_owners_outlive_the_database(home: Home, how: str) -> None:
    home.begin_anew()
    daemon = fresh(home)
    with daemon:
        tablet = home.devices["tablet"]
        daemon.client.call("guardian", action="add", name="Mum")
        daemon.client.call("assign", mac=names.NEW.mac, profile="guest", by="Mum")
        if how == "deleted while it runs":
            lose(daemon, how)
            assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
            assert daemon.client.call("guardian", action="list")["guardians"] == ["Mum"]
        daemon.stop()  # writes the copy
        if how != "deleted while it runs":
            lose(daemon, how)
        daemon.start()
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        assert fetch(tablet, f"https://{ALLOWED}/", 4).status == 200
        status = daemon.client.call("status")
        (line,) = [text for text in status["problems"] if "The database was" in text]
        assert "come from the last good copy" in line
        assert line in daemon.log.read_text()
        assert daemon.client.call("guardian", action="list")["guardians"] == ["Mum"]
        assert owners(daemon)[names.NEW.mac] == "guest", "not unfiltered, as at a first start"

        # Without the copy too, the rules apply, and the label alone makes no guardian.
        daemon.kill()
        lose(daemon, how)
        (daemon.state / "accounts.good").unlink()
        daemon.start()
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        label = str(daemon.client.call("guardian", action="list")["label"])
        with pytest.raises(ControlError, match=sentence(Code.NO_BUTTON)):
            claim(daemon, label, "Child")
        daemon.client.call("guardian", action="button")
        claim(daemon, label, "Mum")
        (told,) = daemon.client.call("status")["announced"]
        assert (told["told"], told["name"]) == ("claim_again", "Mum")

        # No parent is signed in. A parent's device and a guest's say it without a name, a child's does not.
        daemon.start_web()
        for key in ("parent", "new"):
            for path in ("my", "signin"):
                page = web_page(home.devices[key], path)
                assert NOTICE in page, (key, path)
                assert "Mum" not in page
        for path in ("my", "signin"):
            assert NOTICE not in web_page(tablet, path)
        # Until a parent answers, a new device may have the rules of a child whose device has left.
        assert owners(daemon)[names.NEW.mac] != "home"
        devices = daemon.client.call("devices")["devices"]
        (new,) = [found for found in devices if found["mac"] == names.NEW.mac]
        assert not new["undecided"], "unfiltered, as at a first start"


def test_a_database_of_a_newer_version_does_not_stop_the_filter(home: Home) -> None:
    home.begin_anew()
    daemon = fresh(home)
    with daemon:
        tablet = home.devices["tablet"]
        daemon.client.call("guardian", action="add", name="Mum")
        daemon.client.call("assign", mac=names.NEW.mac, profile="guest", by="Mum")
        daemon.stop()
        with closing(sqlite3.connect(daemon.database)) as connection:
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        newer = daemon.database.read_bytes()
        daemon.start()
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        assert fetch(tablet, f"https://{ALLOWED}/", 4).status == 200
        problems = daemon.client.call("status")["problems"]
        assert [line for line in problems if "install that version again, or move the file away" in line]
        assert [line for line in problems if "come from the last good copy" in line]
        daemon.start_web()
        page = clients.curl(tablet, f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/my")
        assert "The gateway has a problem" in page.body
        assert daemon.client.call("guardian", action="list")["guardians"] == ["Mum"]
        assert owners(daemon)[names.NEW.mac] == "guest"
        daemon.stop()
        assert daemon.database.read_bytes() == newer

        daemon.start()
        daemon.database.rename(daemon.database.with_name("newer.db"))
        text = "install that version again"
        assert until(lambda: text not in str(daemon.client.call("status")["problems"]), 12.0) is not None
        daemon.kill()
        daemon.start()
        assert daemon.client.call("guardian", action="list")["guardians"] == ["Mum"]
