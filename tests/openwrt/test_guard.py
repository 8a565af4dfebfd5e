"""The boot guard: what its script puts before the firewall, and what the kernel has of it then.

fw4 is not here. What it does is played with the real nft in a namespace: one transaction with a table of its
own and, behind it, the files of ``ruleset-post``.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.home import SITE4, Home, Namespace
from tests.openwrt.router import FILES, STATIC, Router
from tests.pace import until

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC), pytest.mark.needs("nft")]

GUARD = """table inet qalqan { }
delete table inet qalqan
table inet qalqan {
  chain forward {
    type filter hook forward priority -160; policy accept;
    iifname "br-lan" ether saddr 02:00:00:00:00:0a drop
  }
}
"""
BROKEN = "table inet qalqan {\n  chain forward {\n    type filter hook nowhere priority 0;\n"
FW4 = """table inet fw4
flush table inet fw4
table inet fw4 {
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
"""
STATE, LINK = "etc/qalqan/state/guard.nft", "tmp/run/qalqan-guard/guard.nft"


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace()
    with made.inside():
        yield made
    made.close()


@pytest.fixture
def guarded(ready: Router) -> Router:
    """With the real nft, and a guard that the daemon wrote before the power went."""
    _install(ready.root, Path(shutil.which("nft") or ""))
    ready.write(STATE, GUARD)
    return ready


def _install(root: Path, program: Path) -> None:
    """A program of this machine with the libraries that it needs."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    needed = [Path(word) for line in told.splitlines() for word in line.split() if word.startswith("/")]
    for path in (program, *needed):
        place = root / "usr/sbin/nft" if path == program else root / path.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        shutil.copy(path.resolve(), place)


def fw4(router: Router, text: str = FW4) -> bool:
    """`fw4 start` and `fw4 reload`: one transaction; whether it worked."""
    post = 'include "/usr/share/nftables.d/ruleset-post/50-qalqan.nft"\n'
    router.write("ruleset", text + post)
    return router.shell("/usr/sbin/nft -f /ruleset").returncode == 0


def tables(router: Router) -> list[str]:
    return router.shell("/usr/sbin/nft list tables").stdout.split("\n")[:-1]


def boot(router: Router) -> subprocess.CompletedProcess[str]:
    done = router.script("qalqan-guard", "boot")
    assert done.returncode == 0
    return done


@pytest.mark.usefixtures("namespace")
def test_the_firewall_loads_the_guard_with_its_own(guarded: Router) -> None:
    boot(guarded)
    assert (guarded.root / LINK).read_text() == GUARD
    assert fw4(guarded)
    assert tables(guarded) == ["table inet fw4", "table inet qalqan"]
    assert "02:00:00:00:00:0a drop" in guarded.shell("/usr/sbin/nft list table inet qalqan").stdout


@pytest.mark.lab
def test_the_guard_holds_the_childs_device_alone(guarded: Router) -> None:
    home = Home()
    try:
        with home.router.inside():
            boot(guarded)
            assert fw4(guarded, FW4.replace("drop", "accept"))
        site = home.internet.open(socket.AF_INET, socket.SOCK_DGRAM)
        site.bind((SITE4, 9))
        # The child's goes first: what is not there when the other's has come was dropped.
        for device, word in ((home.child, b"child"), (home.other, b"other")):
            device.open(socket.AF_INET, socket.SOCK_DGRAM).sendto(word, (SITE4, 9))
        assert site.recv(16) == b"other"
    finally:
        home.close()


@pytest.mark.usefixtures("namespace")
def test_loading_again_changes_nothing(guarded: Router) -> None:
    boot(guarded)
    for _ in range(2):
        assert fw4(guarded)
    assert guarded.shell("/usr/sbin/nft list table inet qalqan").stdout.count("drop") == 1


@pytest.mark.usefixtures("namespace")
def test_a_broken_guard_is_told_and_takes_no_firewall_with_it(guarded: Router) -> None:
    guarded.write(STATE, BROKEN)
    boot(guarded)
    assert not (guarded.root / LINK).exists()
    assert list((guarded.root / "tmp/run/qalqan-guard").iterdir()) == []
    assert "[/etc/qalqan/state/guard.nft cannot be loaded (" in guarded.told()
    assert fw4(guarded)
    assert tables(guarded) == ["table inet fw4"]


@pytest.mark.usefixtures("namespace")
def test_the_check_is_what_saves_the_firewall(guarded: Router) -> None:
    """A bad file that is included does take the whole transaction along."""
    guarded.write(LINK, BROKEN)
    assert not fw4(guarded)
    assert tables(guarded) == []
    (guarded.root / LINK).unlink()
    assert fw4(guarded)


@pytest.mark.usefixtures("namespace")
def test_once_the_daemon_took_it_away_the_firewall_lays_nothing_over_its_table(guarded: Router) -> None:
    boot(guarded)
    assert fw4(guarded)
    (guarded.root / LINK).unlink()
    guarded.shell("/usr/sbin/nft 'flush chain inet qalqan forward'")
    assert fw4(guarded)
    assert "drop" not in guarded.shell("/usr/sbin/nft list table inet qalqan").stdout


@pytest.mark.usefixtures("namespace")
def test_it_does_not_come_again_where_a_daemons_table_stands(guarded: Router) -> None:
    """After an upgrade every script is started."""
    guarded.shell("/usr/sbin/nft add table inet qalqan")
    boot(guarded)
    assert not (guarded.root / LINK).exists()


@pytest.mark.usefixtures("namespace")
def test_what_is_checked_is_what_is_loaded(guarded: Router) -> None:
    """The daemon may write another one before its table stands."""
    boot(guarded)
    guarded.write(STATE, BROKEN)
    assert fw4(guarded)


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.usefixtures("namespace")
def test_without_a_guard_the_include_finds_nothing(guarded: Router, folder: bool) -> None:
    (guarded.root / STATE).unlink()
    boot(guarded)
    if folder:
        (guarded.root / "tmp/run/qalqan-guard").mkdir()
    assert fw4(guarded)
    assert tables(guarded) == ["table inet fw4"]


@pytest.mark.usefixtures("namespace")
def test_nft_takes_the_file_as_it_is(guarded: Router) -> None:
    boot(guarded)
    assert (
        guarded.shell("/usr/sbin/nft -c -f /usr/share/nftables.d/ruleset-post/50-qalqan.nft").returncode == 0
    )
    assert tables(guarded) == []
    assert (FILES / "50-qalqan.nft").read_text().count("include") == 1


# When there is to be none.


def test_the_state_is_where_uci_says(ready: Router) -> None:
    ready.write("mnt/usb/qalqan/guard.nft", GUARD)
    ready.shell("uci set qalqan.paths.state=/mnt/usb/qalqan; uci commit qalqan")
    ready.program("usr/sbin/nft", '[ "$1" = -c ]')  # it takes the file, and there is no table
    boot(ready)
    assert (ready.root / LINK).read_text() == GUARD


@pytest.mark.parametrize("how", ["uci", "rc"])
def test_a_filter_that_is_switched_off_leaves_no_guard(ready: Router, how: str) -> None:
    """Nobody would take it away."""
    ready.write(STATE, GUARD)
    if how == "uci":
        ready.config("qalqan", "config qalqan 'main'\n\toption enabled '0'\n")
    else:
        ready.script("qalqan", "disable")
    boot(ready)
    assert not (ready.root / LINK).exists()


@pytest.mark.parametrize("names", [True, False])
def test_the_names_of_help_have_a_resolver_beside_the_guard(ready: Router, names: bool) -> None:
    ready.write(STATE, GUARD)
    ready.program("usr/sbin/nft", '[ "$1" = -c ]')
    if names:
        ready.write("etc/qalqan/state/guard-names.conf", "address=/help.test/192.0.2.1\n")
    boot(ready)
    user = "start-stop-daemon [-S] [-b] [-c] [qalqan] [-x] [/usr/lib/qalqan/guard-resolver] [--]"
    told = f"{user} [/etc/qalqan/state/guard-names.conf]\n"
    assert (told in ready.told()) is names


def test_without_the_daemons_user_the_resolver_runs_as_root_and_is_no_part_of_the_boot(ready: Router) -> None:
    ready.write(STATE, GUARD)
    ready.program("usr/sbin/nft", '[ "$1" = -c ]')
    ready.write("etc/qalqan/state/guard-names.conf", "pid-file=/tmp/names.pid\n")
    ready.write("etc/passwd", "root:x:0:0::/root:/bin/ash\n")
    boot(ready)
    told = "dnsmasq [--keep-in-foreground] [--conf-file=/etc/qalqan/state/guard-names.conf]\n"
    assert until(lambda: told in ready.told(), 5.0) is not None


def test_stopping_it_changes_nothing(ready: Router) -> None:
    """It has done what it does when it ends; who wants the line open stops the service itself."""
    ready.write(LINK, GUARD)
    ready.script("qalqan-guard", "stop")
    assert (ready.root / LINK).exists()
    assert ready.told() == ""
