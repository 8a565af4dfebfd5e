"""The .deb as it lies there: what it holds, what it needs, and what Debian's own critic says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gateway import __version__
from tests.debian.conftest import build
from tests.lab.home import ROOT

pytestmark = [pytest.mark.needs("dh"), pytest.mark.needs("lintian"), pytest.mark.needs("pybuild")]

PACKAGES = ("gateway", "profiles", "webui")
FOR_PEOPLE = {".md", ".po", ".pot"}  # what of the tree is not under /usr/lib/qalqan
DEBIAN_MODULES = "/usr/lib/python3/dist-packages"
# What needs them says so where they are missing.
ON_DEMAND = {"apprise", "cryptography", "fido2", "pyotp", "scapy", "securesystemslib", "tuf"}
OFF_BY_DEFAULT = {"paho"}  # only suggested: a family turns it on
# What the program starts or reads, and the package that has it.
PROGRAMS = {
    "/usr/sbin/nft": "nftables", "/usr/sbin/dnsmasq": "dnsmasq-base", "/usr/bin/ip": "iproute2",
    "/usr/bin/kill": "procps", "/usr/sbin/sysctl": "procps",
    "/usr/share/publicsuffix/public_suffix_list.dat": "publicsuffix", "/usr/share/zoneinfo/UTC": "tzdata",
}  # fmt: skip


def field(package: Path, name: str) -> str:
    argv = ["dpkg-deb", "--field", str(package), name]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def named(package: Path, name: str) -> set[str]:
    """The packages in such a field, the first of each choice."""
    return {re.split(r"[ :(|]", one.strip())[0] for one in field(package, name).split(",")}


def contents(package: Path) -> dict[str, str]:
    """Path → mode, owner and group."""
    argv = ["dpkg-deb", "--contents", str(package)]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = (line.split(maxsplit=5) for line in lines)
    return {row[5].removeprefix("."): f"{row[0]} {row[1]}" for row in rows}


def test_lintian_has_nothing_to_say(package: Path) -> None:
    argv = ["lintian", "--allow-root", "--display-info", "--pedantic", "--fail-on", "none", str(package)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_it_is_one_package_for_every_machine_with_the_programs_version(package: Path) -> None:
    fields = [field(package, name) for name in ("Package", "Architecture", "Version")]
    assert fields == ["qalqan", "all", __version__]


def test_each_file_of_the_program_is_in_its_own_folder_and_roots(package: Path) -> None:
    files = (path for one in PACKAGES for path in (ROOT / one).rglob("*") if path.is_file())
    ours = {
        f"/usr/lib/qalqan/{path.relative_to(ROOT)}"
        for path in files
        if "__pycache__" not in path.parts and path.suffix not in FOR_PEOPLE
    }
    found = contents(package)
    inside = {path for path in found if path.startswith("/usr/lib/qalqan/") and not path.endswith("/")}
    named = ("dhcp-event", "guard-resolver", "rollout", "service-ended", "service-healthy")
    scripts = {f"/usr/lib/qalqan/{name}" for name in named}
    assert inside == ours | scripts
    assert {owner.split()[1] for owner in found.values()} == {"root/root"}
    assert {mode[:10] for path, mode in found.items() if path in ours} == {"-rw-r--r--"}
    for path in ("/usr/bin/qalqan", *scripts):
        assert found[path].startswith("-rwxr-xr-x"), path


def test_it_lays_nothing_where_it_would_be_in_force_or_in_anothers_way(package: Path) -> None:
    """No setting of the kernel or of dnsmasq, no module of Python's, nothing under /etc."""
    units, share = "/usr/lib/systemd/system/qalqan", "/usr/share/"
    places = ("/usr/bin/qalqan", "/usr/lib/qalqan/", units, "/usr/lib/sysusers.d/qalqan.conf",
              "/usr/lib/tmpfiles.d/qalqan.conf", f"{share}doc/qalqan/", f"{share}lintian/overrides/qalqan",
              f"{share}man/man8/qalqan.8.gz", f"{share}python3/runtime.d/qalqan.rtupdate",
              f"{share}qalqan/")  # fmt: skip
    assert [
        path for path in contents(package) if not path.endswith("/") and not path.startswith(places)
    ] == []


def test_the_licence_and_whose_the_data_is_go_with_it(package: Path) -> None:
    found = contents(package)
    assert "/usr/share/doc/qalqan/copyright" in found
    assert "/usr/share/doc/qalqan/NOTICE" in found
    assert "/usr/lib/qalqan/profiles/NOTICE" in found


def test_an_upgrade_stops_no_unit_before_it_and_never_the_roll_out(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--control", package, tmp_path], check=True)
    scripts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert "deb-systemd-invoke" not in scripts.get("preinst", "")
    called = "".join(line for line in scripts["postinst"].splitlines() if "deb-systemd-invoke" in line)
    units = {f"{name}.service" for name in ("qalqan", "qalqan-web", "qalqan-mqtt", "qalqan-usp")}
    assert set(re.findall(r"qalqan[-.\w]*", called)) == {*units, "qalqan-mqtt.path"}


@cache
def imported() -> frozenset[str]:
    """Every module that is neither Python's own nor ours, wherever in the code it is imported."""
    names = {name for path in sources() for name in _imports(ast.parse(path.read_bytes()))}
    return frozenset(names - sys.stdlib_module_names - {*PACKAGES, "_typeshed"})


def sources() -> Iterator[Path]:
    for one in PACKAGES:
        yield from (ROOT / one).rglob("*.py")


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def package_of(path: str) -> str:
    argv = ["dpkg-query", "--search", path]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return said.partition(":")[0]


def test_it_depends_on_the_package_of_each_module_that_is_imported_and_on_no_other(package: Path) -> None:
    assert imported() > ON_DEMAND | OFF_BY_DEFAULT
    owners = {}
    for module in sorted(imported()):
        (place,) = (
            one
            for one in (f"{DEBIAN_MODULES}/{module}", f"{DEBIAN_MODULES}/{module}.py")
            if Path(one).exists()
        )
        owners[module] = package_of(place)
    depends = named(package, "Depends")
    assert {owner for module, owner in owners.items() if module not in ON_DEMAND | OFF_BY_DEFAULT} <= depends
    assert {owners[module] for module in ON_DEMAND} <= named(package, "Recommends")
    assert {owners[module] for module in OFF_BY_DEFAULT} <= named(package, "Suggests")
    modules = {one for one in depends if one.startswith("python3-")}
    assert modules <= set(owners.values())


@pytest.mark.parametrize(("path", "owner"), sorted(PROGRAMS.items()))
def test_it_depends_on_the_package_of_each_program(package: Path, path: str, owner: str) -> None:
    assert package_of(path) == owner
    assert owner in named(package, "Depends")


def test_every_command_is_in_the_manual_page(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    page = subprocess.run(
        ["zcat", tmp_path / "usr/share/man/man8/qalqan.8.gz"], capture_output=True, text=True, check=True
    ).stdout
    from gateway.cli.parser import build_parser

    usage = build_parser().format_usage() + build_parser().format_help()
    commands = re.findall(r"^    (\w+)  ", usage, re.MULTILINE)
    assert len(commands) > 20
    assert [one for one in commands if f"\n.B {one}\n" not in page] == []


@pytest.mark.slow
def test_who_builds_it_again_gets_the_same_bytes(package: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == package.read_bytes()
