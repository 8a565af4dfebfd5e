"""The script that installs a provider's release, with stand-ins for apk and opkg, and a real web server."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.check.findings import Finding, ok, problem
from gateway.household.router_settings import settable_by_server
from tests.feed.publisher import Site, serving
from tests.openwrt.router import DAEMON_ID, FILES, PAGES_ID, STATIC, Router
from tests.pace import until

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

OLD, NEW, BAD, NEXT = "0.1.0-r1", "0.2.0-r1", "0.3.0-r1", "0.4.0-r1"
PACKAGES = ("qalqan", "qalqan-web", "luci-app-qalqan", "dnsmasq")
OURS = PACKAGES[:2]

# The installed versions are in /pkg. A package is a file with its name and its version.
OPKG = """\
[ "$1" != install ] || [ ! -e /cut ] || { rm /cut; kill -9 "$PPID"; exit 1; }
case "$1" in
list-installed) for file in /pkg/*; do echo "${file##*/} - $(cat "$file")"; done ;;
install) shift 2; for file; do read -r name version < "$file"; echo "$version" > "/pkg/$name"; done ;;
esac
"""
APK = """\
[ "$1" != add ] || [ ! -e /cut ] || { rm /cut; kill -9 "$PPID"; exit 1; }
case "$1" in
list) for file in /pkg/*; do echo "${file##*/} $(cat "$file")"; done ;;
policy)
	echo "$2 policy:"
	while read -r version; do
		echo "  $version:"
		[ "$version" != "$(cat "/pkg/$2")" ] || echo "    lib/apk/db/installed"
		! grep -qxF "$version" /repository || echo "    $(cat /address)/alma/packages.adb"
	done < /known
	;;
add)
	held="${3%/*}"
	shift 3
	for word; do
		version="${word#*=}"
		[ -e "$held/${word%%=*}-$version.apk" ] && ! grep -qxF "$version" /broken || {
			echo "ERROR: unable to select"
			exit 1
		}
		echo "$version" > "/pkg/${word%%=*}"
	done
	;;
esac
"""
# Healthy, unless this version or this setting is bad, or a file has what the check finds with this version.
QALQAN = """\
! grep -qxF "$(cat /pkg/qalqan)" /bad || exit 1
! grep -q Broken /etc/config/qalqan || exit 1
found="/findings/$(cat /pkg/qalqan)"
[ "$1" = check ] && [ -e "$found" ] || exit 0
[ "$2" != --json ] || cat "$found"
exit 1
"""
FINE = ok("nft", "uses libnftables")
# Its text has what the script looks for.
OFFLOAD = problem("offload", 'a: {"level": "error", "code": "b", "values"}', "fix it", code="offload")
MISTAKE = problem("profile", "kid.yaml:4: is wrong", "correct it", code="rule_mistake")
IPV6 = problem("uplink", "another router", "switch it off", code="ipv6_router")


class Rollout:
    """A router of a provider. ``site`` has the packages of its repository."""

    def __init__(self, router: Router, site: Site, manager: str) -> None:
        self.router, self.site, self.manager = router, site, manager
        self.logged: list[str] = []  # by the last run
        router.write("etc/openwrt_release", "")
        router.program("usr/bin/qalqan", QALQAN)
        router.program("usr/bin/apk" if manager == "apk" else "bin/opkg", APK if manager == "apk" else OPKG)
        router.write("bad", f"{BAD}\n")
        router.write("broken", "")
        router.write("address", site.address)
        router.write("known", "".join(f"{version}\n" for version in (OLD, NEW, BAD, NEXT)))
        for name in PACKAGES:
            router.write(f"pkg/{name}", f"{OLD}\n")
        router.write("etc/opkg/customfeeds.conf", f"src/gz alma {site.address}/alma\n")
        (router.root / "var/opkg-lists").mkdir(exist_ok=True)
        self.publish(OLD, NEW, BAD, NEXT)
        router.forget()

    def publish(self, *versions: str) -> None:
        """Make the provider's repository have these versions."""
        self.router.write("repository", "".join(f"{version}\n" for version in versions))
        folder = self.site.folder / "alma"
        folder.mkdir(exist_ok=True)
        index = ""
        for name in OURS:
            for version in versions:
                data = f"{name} {version}\n".encode()
                file = f"{name}_{version}_all.ipk"
                (folder / file).write_bytes(data)
                (folder / f"{name}-{version}.apk").write_bytes(data)
                digest = hashlib.sha256(data).hexdigest()
                index += f"Package: {name}\nVersion: {version}\nFilename: {file}\nSHA256sum: {digest}\n\n"
        (folder / "packages.adb").write_bytes(b"")
        (self.router.root / "var/opkg-lists/alma").write_bytes(gzip.compress(index.encode()))

    def release(self, *lines: str) -> Path:
        return self.write_release("".join(f"{line}\n" for line in lines))

    def write_release(self, text: str) -> Path:
        """Write the file as the feed does: of the daemon's user, which alone can read it."""
        path = self.router.write("etc/qalqan/state/feed/provider/release", text)
        path.chmod(0o600)
        path.parent.chmod(0o700)
        for owned in (path, path.parent):
            os.chown(owned, DAEMON_ID, DAEMON_ID)
        return path

    def finds(self, version: str, *errors: Finding) -> None:
        """Make `qalqan check` of a version find these errors."""
        listed = [finding.as_json() for finding in (FINE, *errors)]
        found = json.dumps({"ok": False, "errors": len(errors), "findings": listed}, ensure_ascii=False)
        self.router.write(f"findings/{version}", f"{found}\n")

    def version(self, number: str) -> str:
        return f"{self.manager} {number}"

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        done = self.router.shell("/usr/lib/qalqan/rollout", QALQAN_ROLLOUT_STEP="0", **environment)
        said = (line.partition("qalqan-rollout: ")[2] for line in done.stderr.splitlines())
        self.logged = [line for line in said if line]
        return done

    @property
    def installed(self) -> dict[str, str]:
        return {name: (self.router.root / "pkg" / name).read_text().strip() for name in PACKAGES}

    @property
    def held(self) -> set[str]:
        folder = self.router.root / "etc/qalqan-rollout"
        return {file.name for file in folder.iterdir()} - {"release", "log"}

    def with_version(self, number: str) -> dict[str, str]:
        return {**dict.fromkeys(PACKAGES, OLD), **dict.fromkeys(OURS, number)}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "site").mkdir()
    with serving(tmp_path / "site") as running:
        yield running


@pytest.fixture
def make(ready: Router, site: Site) -> Iterator[Callable[[str], Rollout]]:
    # With it, busybox runs its own logger.
    place = ready.root / "proc"
    place.mkdir()
    subprocess.run(["mount", "--bind", "/proc", place], check=True)
    yield lambda manager: Rollout(ready, site, manager)
    subprocess.run(["umount", place], check=True)


@pytest.fixture(params=["apk", "opkg"])
def rollout(request: pytest.FixtureRequest, make: Callable[[str], Rollout]) -> Rollout:
    return make(request.param)


def test_a_release_is_installed_once(rollout: Rollout) -> None:
    rollout.release("# of alma-net", rollout.version(NEW), "set brand.name Alma Net", "apt 0.2.0")
    done = rollout.run()
    assert done.returncode == 0, done.stderr
    assert rollout.installed == rollout.with_version(NEW)
    assert rollout.router.uci("get", "qalqan.brand.name") == "Alma Net"
    assert rollout.held == {"taken"}
    assert rollout.logged == [f"release installed: {NEW}. The filter is healthy"]
    rollout.router.forget()
    assert rollout.run().returncode == 0
    assert rollout.router.told() == "", "nothing is done twice"


def test_an_unhealthy_release_gives_way_to_the_version_before(rollout: Rollout) -> None:
    config = rollout.router.config("qalqan")
    rollout.release(rollout.version(BAD), "set brand.name Alma Net")
    rollout.run()
    assert rollout.logged == [
        f"the filter is not healthy with {BAD}. Going back to {OLD}",
        f"back at {OLD} and its settings. This release is not tried again",
    ]
    assert rollout.installed == rollout.with_version(OLD)
    assert rollout.router.config("qalqan") == config
    assert rollout.held == {"failed"}
    rollout.router.forget()
    rollout.run()
    assert rollout.router.told() == "", "it is not tried again"
    rollout.release(rollout.version(NEXT))
    assert rollout.run().returncode == 0
    assert rollout.installed == rollout.with_version(NEXT)


def test_a_withdrawn_release_brings_the_version_before_back(rollout: Rollout) -> None:
    rollout.release(rollout.version(OLD))
    rollout.run()
    rollout.release(rollout.version(NEW))
    rollout.run()
    assert rollout.installed == rollout.with_version(NEW)
    rollout.release(rollout.version(OLD))
    assert rollout.run().returncode == 0
    assert rollout.installed == rollout.with_version(OLD)


def test_settings_alone_roll_out_and_back(rollout: Rollout) -> None:
    rollout.release("set brand.name Alma Net", "set brand.support https://isp.example/help")
    assert rollout.run().returncode == 0
    assert rollout.router.uci("get", "qalqan.brand.support") == "https://isp.example/help"
    rollout.release("set brand.name Broken")
    rollout.run()
    assert rollout.router.uci("get", "qalqan.brand.name") == "Alma Net"
    assert rollout.installed == rollout.with_version(OLD)


def test_a_section_that_is_missing_is_made(rollout: Rollout) -> None:
    rollout.release("set feed.url https://feed.isp.example/qalqan/")
    assert rollout.run().returncode == 0
    assert rollout.router.uci("get", "qalqan.feed.url") == "https://feed.isp.example/qalqan/"


def test_a_release_sets_nothing_that_a_management_server_may_not_set() -> None:
    """The script has the options a second time, as a router runs it without Python."""
    script = (FILES / "rollout").read_text()
    (listed,) = re.findall(r"may_set\(\) \{\n\tcase \"\$1\" in\n\t([^)]+)\) ;;", script)
    options = listed.split(" | ")
    assert "brand.name" in options
    for option in options:
        assert settable_by_server(*option.split(".")), option


@pytest.mark.parametrize(
    "line",
    [
        "set main.enabled 0",
        "set main.lan br-guest",
        "set main.lists_update off",
        "set main.lists_tier small",
        "set paths.state /tmp/gone",
        "set defaults.unknown_devices home",
        "set feed.root /tmp/root.json",
        "set web.allow_wan 1",
        "set provider.rollout 0",
        "set brand.name=x.y 1",
        "apk 0.2;reboot",
        "opkg 0.2 0.3",
        "apk ..",
        "apk 0/../..",
        "apt taken",
        "apk",
        "run reboot",
    ],
)
def test_a_line_that_a_provider_may_not_write_refuses_the_release(rollout: Rollout, line: str) -> None:
    before = rollout.router.config("qalqan")
    rollout.release(rollout.version(NEW), "set brand.name Alma Net", line)
    assert rollout.run().returncode == 1
    assert rollout.logged == ["line 3 of the release cannot be used. Nothing is changed"]
    assert rollout.installed == rollout.with_version(OLD)
    assert rollout.router.config("qalqan") == before


def test_the_last_line_needs_no_end(rollout: Rollout) -> None:
    rollout.write_release(f"{rollout.version(NEW)}\nset brand.name Alma Net")
    assert rollout.run().returncode == 0
    assert rollout.installed == rollout.with_version(NEW)
    assert rollout.router.uci("get", "qalqan.brand.name") == "Alma Net"


@pytest.mark.parametrize("name", ["..", "../config", "../../etc"])
def test_no_version_names_a_folder_of_another(rollout: Rollout, name: str) -> None:
    rollout.write_release(rollout.version(name))
    assert rollout.run().returncode == 1
    assert rollout.router.config("qalqan")
    assert rollout.held == set()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o666])
def test_a_release_that_others_can_change_is_refused(rollout: Rollout, mode: int) -> None:
    rollout.release(rollout.version(NEW)).chmod(mode)
    assert_refused(rollout)


def test_a_release_of_another_user_is_refused(rollout: Rollout) -> None:
    os.chown(rollout.release(rollout.version(NEW)), PAGES_ID, PAGES_ID)
    assert_refused(rollout)


def test_a_release_that_root_wrote_is_taken(rollout: Rollout) -> None:
    """The daemon is root where its files cannot have an owner, such as on a FAT stick."""
    path = rollout.release(rollout.version(NEW))
    os.chown(path, 0, 0)
    path.chmod(0o755)
    assert rollout.run().returncode == 0
    assert rollout.installed == rollout.with_version(NEW)


@pytest.mark.parametrize("kind", ["link", "second name", "pipe", "folder"])
def test_what_is_no_file_of_its_own_is_refused(rollout: Rollout, kind: str) -> None:
    path = rollout.release(rollout.version(NEW))
    other = path.with_name("other")
    match kind:
        case "link":
            path.rename(other)
            path.symlink_to(f"/{other.relative_to(rollout.router.root)}")
        case "second name":
            other.hardlink_to(path)
        case "pipe":
            path.unlink()
            os.mkfifo(path)
        case _:
            path.unlink()
            path.mkdir()
    assert_refused(rollout)


def test_a_release_that_is_too_long_is_refused(rollout: Rollout) -> None:
    rollout.release(rollout.version(NEW), "#" * 4096)
    assert_refused(rollout)


def test_no_text_of_a_file_is_in_the_log(rollout: Rollout) -> None:
    rollout.release("root:$1$secret:0:0::/root:/bin/ash")
    done = rollout.run()
    assert "secret" not in done.stdout + done.stderr + rollout.router.told()


def assert_refused(rollout: Rollout) -> None:
    assert rollout.run().returncode == 1
    (line,) = rollout.logged
    assert line.startswith("/etc/qalqan/state/feed/provider/release is not as the feed writes it")
    assert rollout.installed == rollout.with_version(OLD)
    assert rollout.held == set()


def test_a_value_is_never_run(rollout: Rollout) -> None:
    rollout.release("set brand.name $(touch /run-by-mistake) `touch /run-by-mistake` * ; reboot")
    rollout.run()
    assert not (rollout.router.root / "run-by-mistake").exists()
    assert rollout.router.uci("get", "qalqan.brand.name").startswith("$(touch /run-by-mistake)")


@pytest.mark.parametrize("missing", [OLD, NEW])
def test_without_both_versions_in_the_repository_nothing_changes(rollout: Rollout, missing: str) -> None:
    rollout.publish(*({OLD, NEW} - {missing}))
    rollout.release(rollout.version(NEW))
    done = rollout.run()
    assert done.returncode == 1
    assert f"no repository has {missing}. Nothing is changed. Trying again in an hour" in done.stderr
    assert rollout.held == set()
    assert rollout.installed == rollout.with_version(OLD)
    rollout.publish(OLD, NEW)
    assert rollout.run().returncode == 0, "in the next hour"
    assert rollout.installed == rollout.with_version(NEW)


def test_a_package_that_is_not_the_signed_one_is_refused(make: Callable[[str], Rollout]) -> None:
    rollout = make("opkg")
    (rollout.site.folder / f"alma/qalqan_{NEW}_all.ipk").write_bytes(b"qalqan evil\n")
    rollout.release(rollout.version(NEW))
    assert rollout.run().returncode == 1
    assert rollout.installed == rollout.with_version(OLD)


def test_the_version_before_is_here_when_the_repository_is_not(rollout: Rollout) -> None:
    rollout.release(rollout.version(BAD))
    # The repository ends with the first look at the new version.
    away = "[ ! -s /bad ] || echo 0 > /address; rm -rf /etc/opkg /repository; touch /repository"
    rollout.router.program("usr/bin/qalqan", f"{QALQAN.replace('|| exit 1', f'|| {{ {away}; exit 1; }}', 1)}")
    rollout.run()
    assert rollout.installed == rollout.with_version(OLD)
    assert rollout.held == {"failed"}


def test_the_next_run_tries_again_until_the_version_before_is_back(make: Callable[[str], Rollout]) -> None:
    rollout = make("apk")
    rollout.router.write("broken", f"{OLD}\n")
    rollout.release(rollout.version(BAD))
    assert "cannot be installed: ERROR: unable to select. Trying again in an hour" in rollout.run().stderr
    assert rollout.installed == rollout.with_version(BAD)
    rollout.router.write("broken", "")
    rollout.run()
    assert rollout.installed == rollout.with_version(OLD)
    assert rollout.held == {"failed"}


def test_a_power_cut_before_the_installation_does_not_skip_it(rollout: Rollout) -> None:
    rollout.release(rollout.version(NEW))
    rollout.router.write("cut", "")
    rollout.router.shell("trap 'exit 0' TERM; /usr/lib/qalqan/rollout; true", QALQAN_ROLLOUT_STEP="0")
    assert "trying" in rollout.held
    rollout.router.write("pkg/qalqan", f"{NEW}\n")  # one of two packages was replaced
    rollout.router.forget()
    assert rollout.run().returncode == 0
    calls = re.findall(r"\[(update|install|add)\]", rollout.router.told())
    assert calls[0] == "update", "the lists are in memory, and the version may need other packages"
    assert rollout.installed == rollout.with_version(NEW)
    assert rollout.held == {"taken"}


@pytest.mark.parametrize(("version", "then"), [(NEW, NEW), (BAD, OLD)])
def test_a_power_cut_ends_no_attempt_half_way(rollout: Rollout, version: str, then: str) -> None:
    rollout.release(rollout.version(version))
    running = subprocess.Popen(
        ["chroot", str(rollout.router.root), "/usr/lib/qalqan/rollout"],
        env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "QALQAN_ROLLOUT_STEP": "30"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert until(lambda: rollout.installed == rollout.with_version(version), 20.0, 0.05) is not None
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert "trying" in rollout.held
    rollout.run()
    assert rollout.installed == rollout.with_version(then)
    assert "trying" not in rollout.held


def test_a_filter_that_did_not_answer_before_is_not_judged(rollout: Rollout) -> None:
    rollout.router.write("bad", f"{OLD}\n{BAD}\n")
    rollout.release(rollout.version(NEW))
    assert rollout.run().returncode == 0
    assert rollout.installed == rollout.with_version(NEW)
    reason = "It is not judged, since the filter did not answer before"
    assert rollout.logged == [f"release installed: {NEW}. {reason}"]


@pytest.mark.parametrize(
    ("before", "after", "known"),
    [
        ((OFFLOAD,), (OFFLOAD,), "offload"),
        ((MISTAKE, OFFLOAD, MISTAKE), (OFFLOAD, MISTAKE), "rule_mistake offload rule_mistake2"),
        ((IPV6,), (), "ipv6_router"),
    ],
)
def test_errors_from_before_do_not_count(
    rollout: Rollout, before: tuple[Finding, ...], after: tuple[Finding, ...], known: str
) -> None:
    rollout.finds(OLD, *before)
    if after:
        rollout.finds(NEW, *after)
    rollout.release(rollout.version(NEW))
    assert rollout.run().returncode == 0
    assert rollout.installed == rollout.with_version(NEW)
    count = f"Errors from before do not count: {known}"
    assert rollout.logged == [f"release installed: {NEW}. The filter is healthy. {count}"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), (OFFLOAD,)),
        ((OFFLOAD,), (OFFLOAD, MISTAKE)),
        ((MISTAKE,), (MISTAKE, MISTAKE)),
        ((OFFLOAD,), (MISTAKE,)),
    ],
)
def test_a_new_error_gives_way_whatever_was_there_before(
    rollout: Rollout, before: tuple[Finding, ...], after: tuple[Finding, ...]
) -> None:
    if before:
        rollout.finds(OLD, *before)
    rollout.finds(NEW, *after)
    rollout.release(rollout.version(NEW))
    rollout.run()
    assert rollout.installed == rollout.with_version(OLD)
    assert rollout.held == {"failed"}


def test_a_check_that_ends_without_a_result_gives_way(rollout: Rollout) -> None:
    rollout.finds(OLD, OFFLOAD)
    rollout.router.write(f"findings/{NEW}", "")
    rollout.release(rollout.version(NEW))
    rollout.run()
    assert rollout.installed == rollout.with_version(OLD)


def test_errors_from_before_do_not_count_after_a_power_cut_either(rollout: Rollout) -> None:
    for version in (OLD, NEW):
        rollout.finds(version, OFFLOAD)
    for name in OURS:
        rollout.router.write(f"pkg/{name}", f"{NEW}\n")
    rollout.router.write("etc/qalqan-rollout/release", f"{rollout.version(NEW)}\n")
    rollout.router.write("etc/qalqan-rollout/trying", f"forth {OLD} {NEW} 0123 well offload\n")
    assert rollout.run().returncode == 0
    assert rollout.installed == rollout.with_version(NEW)
    assert rollout.held == {"taken"}


def test_without_a_release_nothing_is_done(rollout: Rollout) -> None:
    assert rollout.run().returncode == 0
    assert rollout.logged == []
    assert rollout.installed == rollout.with_version(OLD)


def test_two_never_run_at_the_same_time(rollout: Rollout) -> None:
    rollout.release(rollout.version(NEW))
    lock = "mkdir -p /var/run/qalqan-rollout; echo $$ > /var/run/qalqan-rollout/pid"
    script = f"{lock}; QALQAN_ROLLOUT_STEP=0 /usr/lib/qalqan/rollout; true"
    assert rollout.router.shell(script).returncode == 0
    assert rollout.installed == rollout.with_version(OLD)
    assert rollout.run().returncode == 0, "that one has ended"
    assert rollout.installed == rollout.with_version(NEW)
