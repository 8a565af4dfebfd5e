"""CycloneDX documents of a release: required fields, package URLs, hashes, licences, the same bytes twice."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.debian.test_package import named
from tests.release import sbom
from tests.release.build import recipes
from tests.release.sbom import Component

EPOCH = 1764201600
SUBJECT = Component(
    "application", "qalqan", "0.1.0", "pkg:deb/qalqan/qalqan@0.1.0?arch=all", ("Apache-2.0",), "0" * 64
)
PURL = re.compile(
    r"pkg:(deb|pypi|generic)(/[a-z0-9][a-z0-9.+_-]*)+(@[A-Za-z0-9.~_%-]+)?(\?[a-z]+=[a-z0-9_-]+(&[a-z]+=[a-z0-9_-]+)*)?"
)
KINDS = {"application", "library", "firmware"}


def check(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Check what CycloneDX 1.6 requires of a document. Return its components."""
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert uuid.UUID(document["serialNumber"].removeprefix("urn:uuid:")).version == 5
    assert document["metadata"]["timestamp"] == "2025-11-27T00:00:00+00:00"
    components: list[dict[str, Any]] = [document["metadata"]["component"], *document["components"]]
    for component in components:
        assert component["type"] in KINDS
        assert component["name"]
        assert PURL.fullmatch(component["purl"]), component["purl"]
        for entry in component.get("hashes", ()):
            assert entry["alg"] == "SHA-256"
            assert re.fullmatch("[0-9a-f]{64}", entry["content"])
        for choice in component.get("licenses", ()):
            assert len(choice) == 1
            assert choice.get("expression") or choice["license"].get("id") or choice["license"]["name"]
    references = [component["bom-ref"] for component in components]
    assert len(references) == len(set(references))
    (dependencies,) = document["dependencies"]
    assert dependencies["ref"] == references[0]
    assert dependencies["dependsOn"] == references[1:] == sorted(references[1:])
    return components[1:]


def test_the_feed_lists_each_source_archive_with_hash_and_licence() -> None:
    found = check(sbom.document(SUBJECT, sbom.of_feed(recipes()), EPOCH))
    sources = [component for component in found if component["purl"].startswith("pkg:pypi/")]
    wanted = {
        (package.facts["PYPI_NAME"], package.facts["PKG_HASH"]) for package in recipes() if package.from_pypi
    }
    assert {(component["name"], component["hashes"][0]["content"]) for component in sources} == wanted
    assert all(component["licenses"] and component["version"] for component in sources)
    assert "pkg:generic/openwrt/python3-light" in {component["purl"] for component in found}


@pytest.mark.system
@pytest.mark.needs("dh")
@pytest.mark.needs("pybuild")
def test_the_debian_package_lists_what_it_depends_on(package: Path) -> None:
    """With what dpkg and apt of this machine know of the dependencies in Qalqan's control file."""
    depends, recommends = named(package, "Depends"), named(package, "Recommends")
    assert {"nftables", "python3-flask", "tzdata"} <= depends
    document = sbom.document(SUBJECT, sbom.of_package(package), EPOCH)
    found = {component["name"]: component for component in check(document)}
    assert set(found) == depends | recommends
    assert {found[name]["scope"] for name in depends} == {"required"}
    assert {found[name]["scope"] for name in recommends} == {"optional"}
    assert all(component["version"] for component in found.values()), "apt knows each"


def test_a_package_that_apt_does_not_know_is_listed_by_its_name(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = ("Package: small", "Version: 1", "Architecture: all", "Maintainer: T <t@qalqan.invalid>",
               "Depends: tzdata, python3 (>= 3.11) | python3-other", "Recommends: no-such-package",
               "Description: for a test")  # fmt: skip
    (tree / "DEBIAN/control").write_text("".join(f"{line}\n" for line in control), "utf-8")
    package = tmp_path / "small_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, package], capture_output=True, check=True)
    subject = sbom.published(package, "application", SUBJECT.purl)
    assert subject.sha256 == hashlib.sha256(package.read_bytes()).hexdigest()
    document = sbom.document(subject, sbom.of_package(package), EPOCH)
    found = {component["name"]: component for component in check(document)}
    assert set(found) == {"tzdata", "python3", "no-such-package"}
    assert found["tzdata"]["version"].startswith("20")
    assert found["tzdata"]["licenses"]
    assert [found[name]["scope"] for name in ("python3", "no-such-package")] == ["required", "optional"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with this machine's record of tzdata and its licences, and a removed package."""
    status = subprocess.run(
        ["dpkg-query", "--status", "tzdata"], capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    removed = "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n"
    (tmp_path / "var/lib/dpkg/status").write_text(f"{status}\n{removed}")
    (tmp_path / "usr/share/doc/tzdata").mkdir(parents=True)
    shutil.copy("/usr/share/doc/tzdata/copyright", tmp_path / "usr/share/doc/tzdata")
    return tmp_path


def test_an_image_lists_each_installed_package_with_the_hash_of_its_file(root: Path) -> None:
    (tzdata,) = sbom.of_root(root, "")
    assert tzdata.sha256 == ""
    record = f"Package: tzdata\nVersion: {tzdata.version}\nArchitecture: all\nSHA256: {'a' * 64}\n"
    other = record.replace(tzdata.version, "1").replace("a" * 64, "b" * 64)
    (component,) = check(sbom.document(SUBJECT, sbom.of_root(root, f"{other}\n{record}"), EPOCH))
    assert component["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert component["licenses"]
    assert component["purl"].startswith("pkg:deb/debian/tzdata@")


def test_a_licence_that_is_not_machine_readable_is_named_by_its_file(root: Path) -> None:
    (root / "usr/share/doc/tzdata/copyright").write_text("Free for all.\n")
    assert sbom.licences("tzdata", root) == ("see /usr/share/doc/tzdata/copyright",)
    assert sbom.licences("other", root) == ()


@pytest.mark.parametrize(
    ("names", "choice"),
    [
        (("Expat",), [{"license": {"id": "MIT"}}]),
        (("Apache-2.0 OR MIT",), [{"expression": "Apache-2.0 OR MIT"}]),
        (("GPL-2+", "odd"), [{"license": {"id": "GPL-2.0-or-later"}}, {"license": {"name": "odd"}}]),
    ],
)
def test_licences_are_written_as_the_schema_allows(names: tuple[str, ...], choice: object) -> None:
    assert sbom.licence_choice(names) == choice


def test_the_same_parts_in_another_order_make_the_same_bytes(tmp_path: Path) -> None:
    parts = sbom.of_feed(recipes())
    for name, ordered in (("one", parts), ("two", parts[::-1])):
        sbom.write(tmp_path / name, SUBJECT, ordered, EPOCH)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    changed = sbom.document(SUBJECT, parts[1:], EPOCH)
    assert changed["serialNumber"] != json.loads((tmp_path / "one").read_text())["serialNumber"]
