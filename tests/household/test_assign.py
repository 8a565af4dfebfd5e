"""A device moves between the family's files; a hand's file is kept, and what cannot be written says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.household import editing
from gateway.household.editing import Author, Editing
from gateway.household.loading import load, load_product
from gateway.household.rule_book import RuleBook
from gateway.policy.profile.household import Household, keep_last_good
from gateway.policy.profile.profile import Profile
from tests.household.household_files import DAUGHTER, SON, write
from tests.sentences import sentence

PRODUCT = load_product()
TABLET, NEW = "02:00:00:00:00:0a", "02:00:00:00:00:77"


def home(folder: Path) -> Household:
    return load(write(folder, {"daughter": DAUGHTER, "son": SON}), PRODUCT)


def assign_device(household: Household, mac: str, owner: Profile | None) -> None:
    rules = RuleBook(Path(household.config.profiles).parent / "qalqan.yaml", PRODUCT)
    rules.household = household
    author = Author("Mum", datetime(2026, 11, 24, 12, tzinfo=UTC))
    editing.assign_device(Editing(rules, lambda _: None), household, mac, owner, author)


def devices(folder: Path, profile: str) -> list[str]:
    found: list[str] = yaml.safe_load((folder / "profiles" / f"{profile}.yaml").read_text())["devices"]
    return found


def test_a_new_device_and_one_that_moves(tmp_path: Path) -> None:
    household = home(tmp_path)
    assign_device(household, NEW, household.profiles["son"])
    assert devices(tmp_path, "son") == ["02:00:00:00:00:0b", NEW]
    assign_device(household, TABLET, household.profiles["son"])
    assert TABLET not in devices(tmp_path, "daughter")
    assert TABLET in devices(tmp_path, "son")
    again = load(tmp_path / "qalqan.yaml", PRODUCT)
    assert again.problems == {}
    assert again.profiles["daughter"].rules == household.profiles["daughter"].rules


def test_a_file_with_comments_is_kept_beside(tmp_path: Path) -> None:
    household = home(tmp_path)
    file = tmp_path / "profiles" / "daughter.yaml"
    written = "# Mum's own notes\n" + file.read_text()
    file.write_text(written)
    assign_device(household, TABLET, None)
    assert file.read_text().startswith("# Written by the pages")
    kept = tmp_path / "profiles" / "history" / "000001" / "daughter.yaml"
    assert kept.read_text() == written
    assign_device(load(tmp_path / "qalqan.yaml", PRODUCT), NEW, household.profiles["daughter"])
    assert kept.read_text() == written


def test_what_has_no_file(tmp_path: Path) -> None:
    household = home(tmp_path)
    with pytest.raises(ControlError, match=sentence(Code.NO_PROFILE)):
        assign_device(household, NEW, household.guest)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    household = home(tmp_path)
    file = tmp_path / "profiles" / "daughter.yaml"
    (tmp_path / "profiles" / ".daughter.yaml.new").mkdir()
    before = file.read_text()
    with pytest.raises(PolicyError, match="cannot be written"):
        assign_device(household, TABLET, None)
    assert file.read_text() == before


def test_every_word_reads_the_same_afterwards(tmp_path: Path) -> None:
    home(tmp_path)
    file = tmp_path / "profiles" / "son.yaml"
    file.write_text(
        "name: On\nband: 13-15\nsafe_search: off\nblock:\nallow: [no.example, 'xn--80a.kz']\n"
        "bedtime: {fri: 22:00-07:00}\nlimits: {play: 90m}\nstrict: yes\ndevices: [10:20:30:40:50:10]\n"
    )
    household = load(tmp_path / "qalqan.yaml", PRODUCT)
    before = household.profiles["son"]
    assign_device(household, NEW, before)
    after = load(tmp_path / "qalqan.yaml", PRODUCT).profiles["son"]
    assert (after.name, after.rules) == (before.name, before.rules)
    assert after.devices == ("10:20:30:40:50:10", NEW)


def test_a_broken_file_is_left_alone_and_so_are_the_others(tmp_path: Path) -> None:
    good = home(tmp_path)
    file = tmp_path / "profiles" / "son.yaml"
    file.write_text("name: [Son\n")
    other = (tmp_path / "profiles" / "daughter.yaml").read_text()
    household = keep_last_good(load(tmp_path / "qalqan.yaml", PRODUCT), good)
    with pytest.raises(PolicyError, match=r"son\.yaml:2: is not YAML"):
        assign_device(household, TABLET, household.profiles["son"])
    assert file.read_text() == "name: [Son\n"
    assert (tmp_path / "profiles" / "daughter.yaml").read_text() == other


def test_a_shared_device_is_not_given_to_one(tmp_path: Path) -> None:
    path = write(tmp_path, {"daughter": DAUGHTER, "son": SON}, shared={NEW: {"people": ["daughter", "son"]}})
    household = load(path, PRODUCT)
    with pytest.raises(PolicyError, match="is shared by daughter, son"):
        assign_device(household, NEW, household.profiles["son"])
    load(path, PRODUCT)


def test_a_file_that_another_system_named(tmp_path: Path) -> None:
    home(tmp_path)
    old = tmp_path / "profiles" / "son.yaml"
    (tmp_path / "profiles" / "Son.YML").write_bytes(
        b"\xef\xbb\xbf" + old.read_bytes().replace(b"\n", b"\r\n")
    )
    old.unlink()
    household = load(tmp_path / "qalqan.yaml", PRODUCT)
    assert not household.problems
    assign_device(household, NEW, household.profiles["Son"])
    again = load(tmp_path / "qalqan.yaml", PRODUCT)
    assert NEW in again.profiles["Son"].devices
