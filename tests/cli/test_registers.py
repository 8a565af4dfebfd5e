"""A state's register on the command line: `why`, `lists lookup` and `status` name it, `check` says who."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from gateway.check.lists import register_findings
from gateway.lists.book import SHELF, Copy, CopyIndex
from gateway.lists.table import TABLE_NAME
from gateway.policy.config.config import Config
from gateway.policy.config.registers import Register
from gateway.policy.names.domain_table import pack_table
from tests.cli.conftest import Qalqan
from tests.entering import as_another_user

LISTED = "listed.example"
KZ = {"file": "/srv/kz.txt", "on": True, "by": "Mum", "since": "2026-11-24"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "profiles" / "son.yaml").write_text(f"name: Son\nband: 10-12\nallow: [{LISTED}]\n")
    (tmp_path / "profiles" / "mum.yaml").write_text("name: Mum\nband: adult\n")
    packed = pack_table({LISTED: {"law:kz"}}, salt=bytes(16), built="2026-11-24T06:00:00Z")
    (tmp_path / "state" / TABLE_NAME).write_bytes(packed)
    return named(tmp_path, KZ)


def named(folder: Path, register: dict[str, object]) -> Path:
    places = {"state": str(folder / "state"), "profiles": str(folder / "profiles")}
    config = folder / "qalqan.yaml"
    config.write_text(yaml.safe_dump({**places, "runtime": str(folder), "registers": {"kz": register}}))
    return config


@pytest.mark.parametrize("who", ["son", "mum"])
def test_why_names_it_and_who_turned_it_on(qalqan: Qalqan, home: Path, who: str) -> None:
    answer = json.loads(qalqan("why", LISTED, "--profile", who, "--json", "--config", home).out)
    assert (answer["verdict"], answer["reason"], answer["rule"], answer["owner"]) == (
        "block", "register", "law:kz since 2026-11-24", "law:kz:Mum",
    )  # fmt: skip
    assert "the register of Kazakhstan. Mum turned it on" in answer["sentence"]
    assert "register of Kazakhstan" in qalqan("why", LISTED, "--profile", who, "--config", home).out


def test_off_it_is_not_there_for_why(qalqan: Qalqan, home: Path) -> None:
    named(home.parent, {"file": "/srv/kz.txt"})
    noon = "2026-11-25T12:00+05:00"
    answer = json.loads(
        qalqan("why", LISTED, "--profile", "son", "--at", noon, "--json", "--config", home).out
    )
    assert (answer["verdict"], answer["reason"]) == ("allow", "family_allow")


def test_lookup_and_status_name_it(qalqan: Qalqan, home: Path) -> None:
    assert "Register of Kazakhstan" in qalqan("lists", "lookup", LISTED, "--config", home).out
    assert "law-kz" in qalqan("lists", "status", "--config", home).out
    named(home.parent, {"file": "/srv/kz.txt"})
    assert "law-kz" not in qalqan("lists", "status", "--config", home).out


def test_check_says_who_turned_it_on_and_what_is_wrong(tmp_path: Path) -> None:
    register = Register("kz", "", "/srv/kz.txt", on=True, by="Mum", since=date(2026, 11, 24))
    config = Config(state=str(tmp_path), registers=(register,))
    (missing,) = register_findings(config)
    assert "Register of Kazakhstan applies to everyone in the home, turned on by Mum on 2026-11-24" in str(
        missing
    )
    assert "is not downloaded yet" in str(missing)
    book = CopyIndex(tmp_path / SHELF)
    book.folder.mkdir()
    book.path("law-kz").write_text("listed.example\n")
    (fine,) = register_findings(config)
    assert "not downloaded yet" not in str(fine)
    book.copies["law-kz"] = Copy(error="law-kz: it lists drugs.com")
    book.save()
    (noted,) = register_findings(config)
    assert "drugs.com" in str(noted)
    assert list(register_findings(Config(state=str(tmp_path)))) == []


@pytest.mark.needs("root")  # to give it up
def test_check_says_if_the_state_of_the_download_is_hidden(tmp_path: Path) -> None:
    register = Register("kz", "", "/srv/kz.txt", on=True)
    (tmp_path / SHELF).mkdir(mode=0)
    with as_another_user(tmp_path):
        (found,) = register_findings(Config(state=str(tmp_path), registers=(register,)))
    assert str(found) == (
        "note lists: Register of Kazakhstan applies to everyone in the home, turned on by hand; "
        "whether it is downloaded cannot be read"
    )
