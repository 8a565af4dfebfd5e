"""A state's register among the lists: of a kind of its own, taken as a whole, never mixed with another."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.errors import ListError, PolicyError
from gateway.household.list_library import ListLibrary, read_library
from gateway.household.loading import load_product
from gateway.lists.own_lists import OwnLists, parse_own, write_own
from gateway.lists.registers import register_list
from gateway.lists.sources import parse_sources
from gateway.lists.table import open_table
from gateway.policy.config.registers import Register
from tests.lists.served import fetcher, served

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
CATEGORIES = load_product().categories
NAMES = "listed.example\nfacebook.com\nco.uk\ntgm.invalid\n"


def in_file(folder: Path, text: str = NAMES, **values: object) -> Register:
    folder.mkdir(exist_ok=True)
    path = folder / "register.txt"
    path.write_text(text)
    return replace(Register("kz", "", str(path), on=True, by="Mum"), **values)  # type: ignore[arg-type]


def built(folder: Path, register: Register, now: datetime = NOW) -> tuple[ListLibrary, list[str]]:
    library = read_library(folder / "state", None, [register])
    offline = replace(library, own=OwnLists(off=frozenset(library.published) - {register.source}))
    problems = offline.fetch((), fetcher(sleep=lambda _: None), now)
    offline.build(now)
    return offline, problems


def kinds(library: ListLibrary, host: str) -> frozenset[str]:
    table = open_table(library.state)
    try:
        return table.categories(host)
    finally:
        table.close()


def test_it_feeds_its_own_kind_and_no_other(tmp_path: Path) -> None:
    library, problems = built(tmp_path, in_file(tmp_path / "isp"))
    assert problems == []
    assert kinds(library, "www.listed.example") == {"law:kz"}
    assert "law:kz" in kinds(library, "facebook.com"), "what the catalogue knows is no reason to leave it out"
    assert kinds(library, "anything.co.uk") == frozenset(), "a registry's name is no site"
    table = open_table(library.state)
    fed = {one["category"] for one in table.info.sources if one["id"] == "law-kz"}
    table.close()
    assert fed == {"law:kz"}


def test_one_that_is_off_is_neither_taken_nor_built(tmp_path: Path) -> None:
    register = in_file(tmp_path / "isp", on=False)
    library, _ = built(tmp_path, register)
    assert not library.is_here("law-kz")
    assert kinds(library, "listed.example") == frozenset()
    built(tmp_path, replace(register, on=True))
    library, _ = built(tmp_path, register)
    assert library.is_here("law-kz"), "its last copy"
    assert kinds(library, "listed.example") == frozenset(), "nobody builds from it any more"


def test_by_its_address(tmp_path: Path) -> None:
    with served({"/kz.txt": NAMES.encode()}) as server:
        register = Register("kz", f"{server.address}/kz.txt", "", on=True)
        library, problems = built(tmp_path, register)
    assert problems == []
    assert kinds(library, "listed.example") == {"law:kz"}


def test_a_help_line_in_it_is_left_out(tmp_path: Path) -> None:
    name = next(one for one in load_product().help_names if not one.startswith("="))
    library, _ = built(tmp_path, in_file(tmp_path / "isp", f"{name}\nlisted.example\n"))
    assert kinds(library, name) == frozenset()
    assert kinds(library, "listed.example") == {"law:kz"}


def test_a_site_that_has_to_open_stays_in_and_is_told_in_one_line(tmp_path: Path) -> None:
    register = in_file(tmp_path / "isp", "childline.org.uk\npbs.org\ndrugs.com\nlisted.example\n")
    library, problems = built(tmp_path, register)
    assert problems == []
    assert kinds(library, "pbs.org") == {"law:kz"}
    assert kinds(library, "childline.org.uk") == frozenset(), "help as well as a site that has to open: open"
    line = library.shelf.copies["law-kz"].error
    assert line.startswith("law-kz: it lists drugs.com, and so blocks drugs.com")
    assert "there are 2 such sites" in line
    assert "\n" not in line
    Path(register.file).write_text("listed.example\n")
    again, _ = built(tmp_path, register, NOW + timedelta(days=1))
    assert again.shelf.copies["law-kz"].error == ""


def test_an_innocent_site_in_it_is_left_out(tmp_path: Path) -> None:
    library = read_library(tmp_path / "state")
    innocent = next(iter(library.canaries._suffixes.values()))
    library, _ = built(tmp_path, in_file(tmp_path / "isp", f"{innocent}\nlisted.example\n"))
    assert kinds(library, innocent) == frozenset()
    assert kinds(library, "listed.example") == {"law:kz"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!DOCTYPE html>\n<html>\n", "law-kz: "),
        (None, "cannot be read"),
    ],
)
def test_a_bad_copy_leaves_the_last_good_one(tmp_path: Path, text: str | None, said: str) -> None:
    register = in_file(tmp_path / "isp")
    built(tmp_path, register)
    if text is None:
        Path(register.file).unlink()
    else:
        Path(register.file).write_text(text)
    library, problems = built(tmp_path, register)
    assert said in " ".join(problems)
    assert kinds(library, "listed.example") == {"law:kz"}
    assert said in library.shelf.copies["law-kz"].error


def test_a_full_disk_is_not_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    register = in_file(tmp_path / "isp")
    built(tmp_path, register)
    monkeypatch.setattr("gateway.lists.registers._copy", fill)
    library, problems = built(tmp_path, register)
    folder = library.shelf.path("law-kz").parent
    assert problems == [
        f"law-kz: the copy of {register.file} cannot be written to {folder} (the disk is full); "
        "the previous copy stays"
    ]
    assert kinds(library, "listed.example") == {"law:kz"}


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "one that is too long"])
def test_what_is_no_file_or_too_long_is_not_waited_for_and_leaves_the_last_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    register = in_file(tmp_path / "isp")
    built(tmp_path, register)
    path = Path(register.file)
    if kind == "one that is too long":
        monkeypatch.setattr("gateway.lists.registers.MAX_BYTES", len(NAMES) - 1)
    else:
        path.unlink()
        os.mkfifo(path) if kind == "a pipe" else path.mkdir()
    library, problems = built(tmp_path, register)
    assert len(problems) == 1
    assert problems[0].startswith("law-kz: ")
    assert kinds(library, "listed.example") == {"law:kz"}
    assert not list(library.shelf.path("law-kz").parent.glob("*.new"))


def test_addresses_are_not_taken(tmp_path: Path) -> None:
    library, _ = built(tmp_path, in_file(tmp_path / "isp", "198.51.100.7\n198.51.100.8\n203.0.113.9\n"))
    assert kinds(library, "198.51.100.7") == frozenset()
    assert "only the names of a register are used" in library.shelf.copies["law-kz"].error


def test_no_list_of_the_family_or_of_ours_feeds_a_register(tmp_path: Path) -> None:
    own = "lists: {own-1c9a2f4e: {name: A, url: 'https://a.example/x', category: 'law:kz'}}"
    with pytest.raises(PolicyError):
        parse_own(own, "lists.yaml", CATEGORIES)
    ours = (
        "sources: {one: {name: A, url: 'https://a.example/x', format: hosts, licence: MIT, category: 'law:kz'"
        ", size: 1}}"
    )
    with pytest.raises(PolicyError):
        parse_sources(ours, "sources.yaml", CATEGORIES)


def test_one_address_is_never_a_register_and_a_list_of_another_kind(tmp_path: Path) -> None:
    url = "https://register.example/kz.txt"
    write_own(tmp_path / "lists.yaml", OwnLists().with_list("Mine", url, "adult", "own-1c9a2f4e"))
    with pytest.raises(ListError, match="must not feed another category"):
        read_library(tmp_path / "state", tmp_path / "lists.yaml", [Register("kz", url, "", on=True)])
    one = next(iter(read_library(tmp_path / "state").published.values()))
    with pytest.raises(ListError, match="must not feed another category"):
        read_library(tmp_path / "state", None, [Register("kz", one.url, "", on=True)])


def test_nothing_of_this_kind_ships() -> None:
    from profiles import DATA

    known = parse_sources(DATA.joinpath("sources.yaml").read_bytes(), "sources.yaml", CATEGORIES)
    assert not [one.id for one in known.values() if one.category.startswith("law:")]
    assert not [one for one in CATEGORIES.by_id if one.startswith("law")]
    assert register_list(Register("kz", "", "/a", on=True)).category == "law:kz"
