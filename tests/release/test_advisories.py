"""Pinned versions compared with advisories: ranges, archives, and one line where none can be had."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.release import __main__ as last_step
from tests.release.advisories import AdvisoriesError, compare

RECORD = {
    "id": "PYSEC-2026-1",
    "aliases": ["CVE-2026-1"],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Some_Package"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "0123abcd"}]},
                {
                    "type": "ECOSYSTEM",
                    "events": [
                        {"introduced": "0"},
                        {"fixed": "1.2"},
                        {"introduced": "2.0"},
                        {"last_affected": "2.1"},
                    ],
                },
            ],
            "versions": ["7.0"],
        }
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "vulns"
    made.mkdir()
    (made / "PYSEC-2026-1.json").write_text(json.dumps(RECORD))
    return made


def found(place: Path, version: str, name: str = "some-package") -> list[str]:
    return [advisory.line() for advisory in compare([(name, version)], str(place))]


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        *((version, True) for version in ("0.1", "1.1.9", "1.2rc1", "2.0", "2.1", "7.0")),
        *((version, False) for version in ("1.2", "1.9", "2.1.1", "6.9")),
    ],
)
def test_a_version_in_a_range_or_list_is_affected(folder: Path, version: str, affected: bool) -> None:
    assert bool(found(folder, version)) == affected


def test_a_line_names_the_advisory_and_the_versions_that_fix_it(folder: Path) -> None:
    assert found(folder, "1.0", "Some.Package") == [
        "some-package 1.0: PYSEC-2026-1, CVE-2026-1, fixed in 1.2"
    ]
    assert found(folder, "2.1") == ["some-package 2.1: PYSEC-2026-1, CVE-2026-1, not fixed yet"]
    assert found(folder, "1.0", "other") == []


def test_archives_and_yaml_are_read_alike(folder: Path, tmp_path: Path) -> None:
    expected = found(folder, "1.0")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(folder / "PYSEC-2026-1.json", "a.json")
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as opened:
        opened.add(folder, "vulns")
    (folder / "PYSEC-2026-1.json").rename(folder / "PYSEC-2026-1.yaml")  # YAML is a superset of JSON
    for place in (tmp_path / "all.zip", tmp_path / "all.tar.gz", folder):
        assert found(place, "1.0") == expected


@pytest.mark.parametrize("change", [{"withdrawn": "2026-01-01T00:00:00Z"}, {"affected": []}])
def test_a_withdrawn_advisory_does_not_count(folder: Path, change: dict[str, Any]) -> None:
    (folder / "PYSEC-2026-1.json").write_text(json.dumps(RECORD | change))
    assert found(folder, "1.0") == []


@pytest.mark.parametrize("content", [None, b"", b"not an archive"])
def test_without_advisories_the_error_says_where(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(AdvisoriesError, match=r"all\.zip: .+"):
        compare([("flask", "3.0")], str(tmp_path / "all.zip"))


def test_an_empty_folder_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(AdvisoriesError, match="no advisories in it"):
        compare([("flask", "3.0")], str(tmp_path))


def test_a_release_says_in_one_line_that_it_could_not_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QALQAN_ADVISORIES", str(tmp_path / "missing"))
    assert list(last_step.known_faults()) == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Not compared with advisories: ")


def test_a_release_reports_a_pinned_version_with_an_advisory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the lock file, and of the recipes of the OpenWrt feed."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    affected = [
        {"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges} for name in ("flask", "waitress")
    ]
    everything = json.dumps(RECORD | {"affected": affected})
    (folder / "PYSEC-2026-1.json").write_text(everything)
    monkeypatch.setenv("QALQAN_ADVISORIES", str(folder))
    names = {line.split()[0] for line in last_step.known_faults()}
    assert names == {"flask", "waitress"}
