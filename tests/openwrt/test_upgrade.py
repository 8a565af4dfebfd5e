"""What sysupgrade packs: the hooks that it reads from `/lib/upgrade`, called as it calls them."""

from __future__ import annotations

import pytest

from tests.openwrt.router import STATIC, Router

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

# The order of sysupgrade: its own list first in the variable, then what is included, then all of it is run.
SYSUPGRADE = """
list() { printf '%s\\n' /etc/config/qalqan /etc/config/qalqan-old /etc/qalqan/profiles/d.yaml \\
	"$STATE/qalqan.db" "$STATE/web/session.key" /etc/qalqan/history/1/step.json \
	/etc/qalqan/profiles/history/7/gone.yaml /etc/qalqan/mqtt.password /etc/qalqan/mqtt-token > "$1"
	echo packed >> /told; }
sysupgrade_init_conffiles=list
. /lib/functions.sh
. /lib/upgrade/qalqan.sh
for hook in $sysupgrade_init_conffiles; do "$hook" /conffiles; done
"""
HISTORY = ["/etc/qalqan/history/1/step.json", "/etc/qalqan/profiles/history/7/gone.yaml"]
SECRETS = ["/etc/qalqan/mqtt.password", "/etc/qalqan/mqtt-token"]
RULES = ["/etc/config/qalqan", "/etc/config/qalqan-old", "/etc/qalqan/profiles/d.yaml"]


def packed(router: Router, *, state: str = "/etc/qalqan/state", **environment: str) -> list[str]:
    done = router.shell(SYSUPGRADE, STATE=state, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return (router.root / "conffiles").read_text().splitlines()


def test_an_upgrade_ends_the_service_first_and_takes_everything(ready: Router) -> None:
    found = packed(ready, CONF_BACKUP_LIST="0")
    state = ["/etc/qalqan/state/qalqan.db", "/etc/qalqan/state/web/session.key"]
    assert found == [*RULES, *state, *HISTORY, *SECRETS]
    told = ready.told().splitlines()
    assert told.index("delete [qalqan]") < told.index("packed")


@pytest.mark.parametrize("how", [{"CONF_BACKUP": "/tmp/backup.tar.gz"}, {"CONF_BACKUP_LIST": "1"}])
def test_an_archive_has_the_rules_alone_and_nothing_stops(ready: Router, how: dict[str, str]) -> None:
    assert packed(ready, **how) == RULES
    assert ready.told() == "packed\n"


@pytest.mark.parametrize(
    "written", ["/mnt/usb/qalqan", "/mnt/usb/qalqan/", "/mnt//usb/./qalqan//", "/disk/qalqan"]
)
def test_the_state_is_where_uci_says(ready: Router, written: str) -> None:
    (ready.root / "mnt/usb/qalqan").mkdir(parents=True)
    (ready.root / "disk").symlink_to("/mnt/usb")
    ready.shell(f"uci set qalqan.paths.state={written}; uci commit qalqan")
    assert packed(ready, state="/mnt/usb/qalqan", CONF_BACKUP="-") == RULES


def test_a_router_that_had_the_package_upgrades_all_the_same(ready: Router) -> None:
    (ready.root / "etc/init.d/qalqan").unlink()
    assert len(packed(ready)) == 9
