"""The family's own lists: their file, what an update fetches by it, and the format of an unknown list."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.core.errors import ListError, PolicyError
from gateway.household.list_library import ListLibrary, read_library
from gateway.household.loading import load_product
from gateway.lists.build import guess_format
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format
from gateway.lists.own_lists import MAX_OWN, OwnLists, WrongEntry, own_list, parse_own, read_own, write_own
from gateway.lists.table import open_table
from tests.lists.served import fetcher, served

CATEGORIES = load_product().categories
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
URL = "https://lists.example.org/games.txt"
KEY = "own-1c9a2f4e"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "lists.yaml"
    assert read_own(path, CATEGORIES) == OwnLists()
    own = OwnLists(on=frozenset({"oisd-nsfw"}), off=frozenset({"ut1-games", "off"}))
    own = own.with_list('Школа: "игры" #1', URL, "games", KEY)
    own = own.with_wrong(WrongEntry("chess.example", "gambling", "Mum & Dad: 'both'", date(2026, 11, 24)))
    write_own(path, own)
    assert read_own(path, CATEGORIES) == own
    write_own(path, own.without_list(KEY).without_wrong("chess.example"))
    assert read_own(path, CATEGORIES).lists == {}
    write_own(path, OwnLists())
    assert read_own(path, CATEGORIES) == OwnLists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "lists: {ut1-games: {name: a, url: 'https://a.example', category: games}}",
            "is not an id of an own list",
        ),
        (f"lists: {{{KEY}: {{name: a, url: 'file:///etc', category: games}}}}", "begins with https"),
        (f"lists: {{{KEY}: {{name: a, url: 'https://a.example', category: malware}}}}", "is not known here"),
        (f"lists: {{{KEY}: {{name: a, url: 'https://a.example'}}}}", "category"),
        ("others: 1", "others"),
        ("wrong: {w0: {host: a.example, category: games, by: Mum, at: today}}", "is not a date"),
        ("wrong: {w0: {host: 'a b', category: games, by: Mum, at: 2026-11-24}}", "host"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, problem: str) -> None:
    with pytest.raises(PolicyError, match=problem) as error:
        parse_own(text, "lists.yaml", CATEGORIES)
    assert str(error.value).startswith("lists.yaml:1")


def test_more_than_there_may_be() -> None:
    rows = [
        f"  own-{n:08x}: {{name: a, url: 'https://a.example/{n}', category: games}}"
        for n in range(MAX_OWN + 1)
    ]
    with pytest.raises(PolicyError, match="is more than 16 lists"):
        parse_own("\n".join(["lists:", *rows]), "lists.yaml", CATEGORIES)


def test_the_disk_refuses(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="cannot be written"):
        write_own(tmp_path / "nowhere" / "lists.yaml", OwnLists())


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("# games\nplay.example\nwww.game.example\n", Format.DOMAINS),
        ("0.0.0.0 play.example\n127.0.0.1 game.example other.example\n", Format.HOSTS),
        ("! title\n||play.example^\n||game.example^$third-party\n", Format.ADBLOCK),
        ("$TTL 60\nplay.example CNAME .\n*.play.example CNAME .\n", Format.RPZ),
        ("192.0.2.7\n198.51.100.0/24\n2001:db8::7\n", Format.ADDRESSES),
    ],
)
def test_the_format_is_told_by_the_copy(tmp_path: Path, text: str, form: Format) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    assert guess_format("own", path) is form
    path.write_text(text * 4000)
    assert guess_format("own", path) is form, "by its beginning"


@pytest.mark.parametrize("text", ["", "<html><body>moved</body></html>", "\0\0\0", "# nothing\n", "{}"])
def test_what_is_no_list(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    with pytest.raises(ListError, match="own: "):
        guess_format("own", path)


def test_an_update_fetches_what_the_family_chose(tmp_path: Path) -> None:
    bodies = {"/mine": b"||play.example^\n||www.help.example^\n", "/off": b"dates.example\n"}
    with served(bodies) as server:
        mine = own_list(KEY, "Mine", f"{server.address}/mine", "games")
        published = own_list("usual", "Usual", f"{server.address}/off", "dating")
        own = OwnLists(lists={KEY: mine}, off=frozenset({"usual"}))
        library = ListLibrary(
            {"usual": published, KEY: mine}, (), Canaries(["www.help.example"]), tmp_path / "state", own
        )
        assert library.fetch((), fetcher(sleep=lambda _: None), NOW) == []
        assert server.asked == ["/mine"], "and not what is off"
        library.build(NOW)
        table = open_table(library.state)
        assert table.categories("www.play.example") == {"games"}
        assert table.categories("www.help.example") == frozenset(), "an innocent site is left out"
        table.close()


def test_a_list_that_is_off_is_built_no_more(tmp_path: Path) -> None:
    with served({"/a": b"play.example\n", "/b": b"dates.example\n"}) as server:
        one = own_list("one", "One", f"{server.address}/a", "games")
        other = own_list("other", "Other", f"{server.address}/b", "dating")
        both = {"one": one, "other": other}
        library = ListLibrary(both, (), Canaries([]), tmp_path / "state")
        library.fetch((), fetcher(sleep=lambda _: None), NOW)
        later = ListLibrary(both, (), Canaries([]), tmp_path / "state", OwnLists(off=frozenset({"one"})))
        info, reports = later.build(NOW)
        assert [report.id for report in reports] == ["other"]
        assert info.count == 1


def test_the_command_reads_the_family_s_file(tmp_path: Path) -> None:
    write_own(tmp_path / "lists.yaml", OwnLists().with_list("Mine", URL, "games", KEY))
    library = read_library(tmp_path / "state", tmp_path / "lists.yaml")
    assert library.published[KEY].url == URL
    assert KEY in [one.id for one in library.due()]


def test_one_that_is_a_category_of_its_own_is_built_under_its_id(tmp_path: Path) -> None:
    own = OwnLists().with_list("For Timur", URL, KEY, KEY)
    write_own(tmp_path / "lists.yaml", own)
    assert read_own(tmp_path / "lists.yaml", CATEGORIES) == own
    known = CATEGORIES.with_own_lists(own.categories)
    assert own.categories == {KEY: "For Timur"}
    assert set(known.choosable) - set(CATEGORIES.choosable) == {KEY}
    assert known.with_own_lists({}) == CATEGORIES
    another = f"lists: {{own-00000001: {{name: a, url: 'https://a.example', category: {KEY}}}}}"
    with pytest.raises(PolicyError, match="is not known here"):
        parse_own(another, "lists.yaml", known)
    library = read_library(tmp_path / "state", tmp_path / "lists.yaml")
    library.state.joinpath("lists").mkdir(parents=True)
    library.shelf.path(KEY).write_text("play.example\n")
    library.build(NOW)
    table = open_table(library.state)
    assert table.categories("www.play.example") == {KEY}
    table.close()
