"""The packages as they lie on a router: bytecode alone, beside no more Python than DEPENDS name."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway import __version__
from gateway.usp.documents import bbfdm_plugin, datamodel_xml
from tests.feed.publisher import Publisher
from tests.lab import names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.home import Home
from tests.openwrt.feed.recipes import FEED, Package
from tests.openwrt.feed.router import Router, closure
from tests.openwrt.feed.test_feed import OURS

pytestmark = pytest.mark.needs("root")
MAC = "02:00:00:00:00:0a"
CHILD = {"name": "Daughter", "band": "10-12", "devices": [MAC], "block": ["example.com"], "bedtime": {}}


@pytest.fixture(scope="module")
def small(
    feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Router:
    """Without the pages."""
    depends = closure(["qalqan"], feed)
    return Router(tmp_path_factory.mktemp("small"), [installed["qalqan"]], depends)


@pytest.fixture(scope="module")
def large(
    feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Router:
    depends = closure(["qalqan-web"], feed)
    return Router(tmp_path_factory.mktemp("large"), installed.values(), depends)


@pytest.fixture(scope="module")
def with_lists(
    feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Router:
    """Without the pages, with list updates."""
    depends = closure(["qalqan-lists"], feed)
    roots = [installed["qalqan"], installed["qalqan-lists"]]
    return Router(tmp_path_factory.mktemp("with-lists"), roots, depends)


@pytest.fixture(scope="module")
def with_feed(
    feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Router:
    """Without the pages, with the package of the signed data feed."""
    depends = closure(["qalqan-feed"], feed)
    roots = [installed["qalqan"], installed["qalqan-lists"]]
    return Router(tmp_path_factory.mktemp("with-feed"), roots, depends)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/daughter.yaml").write_text(json.dumps(CHILD), "utf-8")
    settings = {"lan": ["lo"], "state": str(tmp_path / "state"), "runtime": str(tmp_path / "run")}
    settings |= {"profiles": str(tmp_path / "profiles"), "country": "kz", "timezone": "Asia/Almaty"}
    path = tmp_path / "qalqan.yaml"
    path.write_text(json.dumps(settings), "utf-8")
    return path


def run(router: Router, *argv: str) -> subprocess.CompletedProcess[str]:
    command = router.command("/usr/bin/qalqan", *argv)
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd="/")


def test_the_command_is_of_this_version(small: Router) -> None:
    assert run(small, "--version").stdout == f"qalqan {__version__}\n"


def test_why(small: Router, config: Path) -> None:
    done = run(small, "why", "www.example.com", "--profile", "daughter", "--json", "--config", str(config))
    assert json.loads(done.stdout)["verdict"] == "block", done.stderr


def test_check_reads_the_rules_without_pages(small: Router, config: Path) -> None:
    done = run(small, "check", "--json", "--config", str(config))
    found = json.loads(done.stdout)["findings"]
    assert [one for one in found if one["about"] == "pages"], done.stderr
    assert not [one for one in found if "import" in one["text"]]


def test_replay(small: Router, config: Path, tmp_path: Path) -> None:
    from scapy.layers.dns import DNS, DNSQR
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    question = Ether(src=MAC) / IP(src="192.168.1.5", dst="192.168.1.1") / UDP(sport=5353, dport=53)
    wrpcap(str(tmp_path / "one.pcap"), [question / DNS(rd=1, qd=DNSQR(qname="www.example.com"))])
    done = run(
        small,
        "replay",
        str(tmp_path / "one.pcap"),
        "--profile",
        "daughter",
        "--json",
        "--config",
        str(config),
    )
    told = json.loads(done.stdout.splitlines()[0])
    assert (told["host"], told["verdict"]) == ("www.example.com", "block"), done.stderr


def test_lists_are_built(with_lists: Router, config: Path) -> None:
    done = run(with_lists, "lists", "build", "--config", str(config))
    assert done.returncode == 0, done.stderr
    done = run(with_lists, "lists", "lookup", "pornhub.com", "--config", str(config))
    assert "adult" in done.stdout, done.stderr


def test_list_updates_need_their_package_and_the_built_in_lists_do_not(small: Router, config: Path) -> None:
    for action in ("update", "build", "status"):
        done = run(small, "lists", action, "--config", str(config))
        assert done.returncode == 1
        assert "list updates need the package qalqan-lists, which is not installed" in done.stderr
    done = run(small, "lists", "lookup", "pornhub.com", "--config", str(config))
    assert "adult" in done.stdout, done.stderr
    done = run(small, "check", "--json", "--config", str(config))
    fixes = [found["fix"] for found in json.loads(done.stdout)["findings"] if found["about"] == "lists"]
    assert "install the package qalqan-lists" in fixes, done.stderr


def test_home_automation_needs_its_package(small: Router, config: Path) -> None:
    done = run(small, "mqtt", "--config", str(config))
    assert done.returncode == 1
    assert "home automation need the package qalqan-mqtt, which is not installed" in done.stderr


def test_the_signed_data_feed_needs_its_package(
    small: Router, with_lists: Router, with_feed: Router, config: Path, tmp_path: Path
) -> None:
    publisher = Publisher(tmp_path / "publisher")
    feed = {"url": "https://feed.invalid", "root": str(publisher.root)}
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "feed": feed}), "utf-8")
    for router, package in ((small, "qalqan-lists"), (with_lists, "python3-tuf")):
        done = run(router, "feed", "update", "--config", str(config))
        assert f"signed data feeds need the package {package}" in done.stderr
    done = run(with_feed, "feed", "update", "--config", str(config))
    assert done.stderr.startswith("qalqan: feed: https://feed.invalid: the download failed"), done.stderr
    assert not run(with_feed, "lists", "build", "--config", str(config)).returncode


@pytest.mark.parametrize("name", OURS)
def test_the_test_of_a_package_passes(
    name: str, feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path: Path
) -> None:
    """The package feeds run it on the built package."""
    scripts = [FEED / "qalqan/test-version.sh", FEED / "qalqan/test.sh"]
    assert f"\n{name})\n" in scripts[1].read_text("utf-8")
    depends = closure([name], feed)
    router = Router(tmp_path, [root for one, root in installed.items() if one in depends], depends)
    for script in scripts:
        command = router.command("/bin/sh", str(script), name, __version__)
        path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=100, check=False, cwd="/", env=path
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_the_usp_service_needs_its_package(
    small: Router, feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path: Path
) -> None:
    done = run(small, "usp", "--document", "xml")
    assert done.returncode == 1
    assert "connections to a USP agent need the package qalqan-usp" in done.stderr
    roots = [installed["qalqan"], installed["qalqan-usp"]]
    router = Router(tmp_path / "with-usp", roots, closure(["qalqan-usp"], feed))
    assert run(router, "usp", "--document", "xml").stdout == datamodel_xml("isp.example")
    plugin = installed["qalqan-usp"] / "usr/share/bbfdm/plugins/qalqan.json"
    assert plugin.read_text("utf-8") == bbfdm_plugin()


def test_setup_without_the_pages_is_refused_in_one_line(small: Router, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/openwrt_release").touch()
    done = run(small, "setup", "--yes", "--dry-run", "--root", str(tmp_path))
    assert done.returncode == 1
    assert "this is OpenWrt: its interfaces are set in /etc/config/qalqan" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_pages_are_not_there(small: Router, config: Path) -> None:
    done = run(small, "web", "--config", str(config))
    assert done.returncode == 1
    assert "the pages need the package qalqan-web" in done.stderr


@pytest.mark.lab
def test_daemon_and_pages(large: Router) -> None:
    """Templates, what is static, translations, the texts that explain, and the data of profiles/."""
    program = large.command("/usr/bin/qalqan")
    with Home(quic=False) as home, Daemon(home, {"daughter": CHILD}, web=True, program=program) as daemon:
        assert daemon.client.call("status")["version"] == __version__
        page = fetch(home, "/", "ru")
        assert 'lang="ru"' in page
        assert "Daughter" in page
        style = re.search(r'href="(/static/[^"]+)"', page)
        assert style is not None
        assert fetch(home, style[1], "en")
        assert 'lang="kk"' in fetch(home, "/learn", "kk")
        for pid in (daemon.pid, daemon.web_pid):
            assert "cryptography" not in Path(f"/proc/{pid}/maps").read_text("utf-8")


@pytest.mark.lab
def test_the_daemon_of_a_small_router(small: Router) -> None:
    """It decides: the child's tablet is refused one site, and gets another."""
    program = small.command("/usr/bin/qalqan")
    with Home(quic=False) as home, Daemon(home, {"daughter": CHILD}, program=program):
        tablet = home.devices["tablet"]
        assert tablet.run(
            ["curl", "-sk", "-m", "5", "-o", "/dev/null", "https://www.example.com/"]
        ).returncode
        tablet.run(["curl", "-sk", "-m", "20", "-o", "/dev/null", "https://www.example.org/"], check=True)


def fetch(home: Home, path: str, language: str) -> str:
    """As the child's tablet does."""
    address = f"http://{names.GATEWAY_IPV4}:{WEB_PORT}{path}"
    argv = ["curl", "-sSL", "--fail", "-H", f"Accept-Language: {language}", address]
    return home.devices["tablet"].run(argv, check=True).stdout
