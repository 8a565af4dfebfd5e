"""Sealed lists on the disk: what may replace one that is in force, and what never does."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core.errors import ListError
from gateway.lists.sealed import SealedShelf, SealedUpdate, read_keys, read_private
from gateway.policy.sealed.source import SealedSource
from tests.lists.served import fetcher, served
from tests.sealing import DAY, MADE, Issuer, Made

NOW = MADE + 60


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def shelf(tmp_path: Path) -> SealedShelf:
    return SealedShelf(tmp_path / "state")


@pytest.fixture
def source(issuer: Issuer, tmp_path: Path) -> SealedSource:
    return issuer.publish(tmp_path / "isp")


Offer = Callable[..., bool]


@pytest.fixture
def offer(shelf: SealedShelf, source: SealedSource) -> Offer:
    def give(made: Made, *, now: float = NOW, innocent: tuple[str, ...] = (), keys: int = 1) -> bool:
        return shelf.offer(source, made.data, [made.key] * keys, innocent, now)

    return give


def _holds(shelf: SealedShelf, source: SealedSource, host: str) -> bool:
    return shelf.load([source])[0].holds(host)


def test_a_set_comes_into_force_and_is_for_the_daemon_alone(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer
) -> None:
    sets, (held,) = shelf.load([source])
    assert not sets
    assert held.problem == "no list has come yet"
    made = issuer.make()
    assert offer(made)
    assert not offer(made)  # it is the one in force
    assert _holds(shelf, source, "www.sealed-marker.invalid")
    assert stat.S_IMODE(shelf.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(one.stat().st_mode) for one in shelf.folder.iterdir()] == [0o600]
    (held,) = shelf.load([source])[1]
    assert held.head is not None
    assert (held.head.issuer, held.head.count, held.problem) == ("Test hotline", 2, "")
    assert not held.is_late(NOW)
    assert held.is_late(MADE + 8 * DAY)


@pytest.mark.parametrize("age", [0, 1, 3 * DAY])
def test_an_older_or_replayed_set_is_refused(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer, age: int
) -> None:
    offer(issuer.make(["new.invalid"]))
    with pytest.raises(ListError, match="not newer than the list in effect"):
        offer(issuer.make(["old.invalid"], made=MADE - age))
    assert _holds(shelf, source, "new.invalid")
    assert offer(issuer.make(["newer.invalid"], made=MADE + 1))
    assert not _holds(shelf, source, "new.invalid")


def test_a_set_without_its_key_never_replaces(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer
) -> None:
    first, second = issuer.make(["first.invalid"]), issuer.make(["second.invalid"], made=MADE + 1)
    offer(first)
    with pytest.raises(ListError, match="has not arrived yet"):
        shelf.offer(source, second.data, [first.key], (), NOW)
    assert _holds(shelf, source, "first.invalid")
    assert shelf.offer(source, second.data, [first.key, second.key], (), NOW)
    assert _holds(shelf, source, "second.invalid")


def test_what_somebody_else_signed_never_replaces(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer
) -> None:
    offer(issuer.make())
    with pytest.raises(ListError, match="not signed by its issuer"):
        offer(Issuer().make(["forged.invalid"], made=MADE + 1))
    assert not _holds(shelf, source, "forged.invalid")
    assert _holds(shelf, source, "sealed-marker.invalid")


def test_no_changed_byte_is_taken(
    issuer: Issuer, offer: Offer, shelf: SealedShelf, source: SealedSource
) -> None:
    offer(issuer.make())
    newer = issuer.make(["newer.invalid"], made=MADE + 1)
    for at in range(len(newer.data)):
        broken = newer.data[:at] + bytes([newer.data[at] ^ 1]) + newer.data[at + 1 :]
        with pytest.raises(ListError):
            shelf.offer(source, broken, [newer.key], (), NOW)
    assert _holds(shelf, source, "sealed-marker.invalid")


def test_an_expired_set_is_not_taken_and_the_last_good_one_is_kept(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer
) -> None:
    offer(issuer.make())
    late = MADE + 30 * DAY
    with pytest.raises(ListError, match="has expired"):
        offer(issuer.make(["stale.invalid"], made=MADE + DAY), now=late)
    assert _holds(shelf, source, "sealed-marker.invalid")
    assert shelf.load([source])[1][0].is_late(late)


def test_a_set_from_the_future_does_not_lock_the_next_ones_out(issuer: Issuer, offer: Offer) -> None:
    with pytest.raises(ListError, match="from the future"):
        offer(issuer.make(made=MADE + 3 * DAY))
    assert offer(issuer.make(made=MADE + DAY // 2))


@pytest.mark.parametrize("innocent", ["google.com", "co.uk"])
def test_a_set_with_an_innocent_name_is_refused_whole_without_naming_it(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer, innocent: str
) -> None:
    offer(issuer.make())
    with pytest.raises(ListError, match="well-known site") as refused:
        offer(issuer.make([innocent, "b.invalid"], made=MADE + 1), innocent=("example.com", innocent))
    assert innocent not in str(refused.value)
    assert not _holds(shelf, source, innocent)


def test_a_set_that_would_refuse_a_help_line_by_what_stands_above_it_is_refused_whole(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer
) -> None:
    offer(issuer.make())
    with pytest.raises(ListError, match="well-known site"):
        offer(issuer.make(["help.invalid"], made=MADE + 1), innocent=("chat.line.help.invalid",))
    assert not _holds(shelf, source, "help.invalid")
    assert offer(issuer.make(["bad.help.invalid"], made=MADE + 1), innocent=("chat.line.help.invalid",))


def test_a_damaged_copy_is_told_and_the_next_good_set_mends_it(
    shelf: SealedShelf, source: SealedSource, issuer: Issuer, offer: Offer
) -> None:
    made = issuer.make()
    offer(made)
    path = shelf.path(source)
    path.write_bytes(path.read_bytes()[:-3])
    sets, (held,) = shelf.load([source])
    assert not sets
    assert "bytes" in held.problem
    assert offer(made)
    assert _holds(shelf, source, "sealed-marker.invalid")


@pytest.mark.parametrize(("file", "folder"), [(0o640, 0o700), (0o604, 0o700), (0o600, 0o750), (0o600, 0o701)])
def test_a_file_that_others_can_read_is_not_used(source: SealedSource, file: int, folder: int) -> None:
    path = Path(source.file)
    path.chmod(file)
    path.parent.chmod(folder)
    with pytest.raises(ListError, match="other users can read"):
        read_private(path, 1000)


@pytest.mark.parametrize("name", ["file", "folder"])
def test_a_file_of_another_user_is_not_used(
    source: SealedSource, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(source.file)
    wrong, uid = path if name == "file" else path.parent, os.geteuid() + 1
    if os.geteuid() == 0:
        os.chown(wrong, 2, -1)  # the files of root are used by every user
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    with pytest.raises(ListError, match=f"another user; run: chown {uid} "):
        read_private(path, 1000)


def test_a_file_that_this_user_may_not_read_is_given_to_it(
    source: SealedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ListError, match=f"run: chown {os.geteuid()} ") as caught:
        read_private(Path(source.file), 1000)
    assert "as root" not in str(caught.value)


def test_a_link_a_folder_and_too_much_are_no_private_file(source: SealedSource) -> None:
    path = Path(source.file)
    link = path.with_name("link")
    link.symlink_to(path)
    for wrong in (link, path.parent, path.with_name("none")):
        with pytest.raises(ListError):
            read_private(wrong, 1000)
    with pytest.raises(ListError, match="more than 10 bytes"):
        read_private(path, 10)


@pytest.mark.parametrize("text", ["", "# none\n", "abcd\n", "zz" * 32, 9 * ("ab" * 32 + "\n")])
def test_a_file_of_keys_that_has_none(source: SealedSource, text: str) -> None:
    path = Path(source.set_key_file)
    path.write_text(text)
    with pytest.raises(ListError, match="key"):
        read_keys(path)


# ---------------------------------------------------------------------------------------- fetched


def _update(shelf: SealedShelf, now: float = NOW) -> SealedUpdate:
    return SealedUpdate(
        shelf, fetcher(sleep=lambda _: None), lambda: ("google.com",), datetime.fromtimestamp(now, UTC)
    )


def test_sets_are_taken_from_a_file_and_from_a_server(
    shelf: SealedShelf, source: SealedSource, tmp_path: Path
) -> None:
    hotline = Issuer("Another hotline")
    made = hotline.make(["fetched.invalid"])
    bodies = {"/set": made.data}
    with served(bodies) as server:
        beside = hotline.publish(tmp_path / "hotline", made)
        url = replace(beside, file="", url=f"{server.address}/set")
        assert _update(shelf).renew([source, url]) == []
        sets, held = shelf.load([source, url])
        assert [one.head.issuer for one in held if one.head] == ["Test hotline", "Another hotline"]
        assert sets.holds("fetched.invalid")
        assert sets.holds("sealed-marker.invalid")
        bodies["/set"] = b"<html>a portal</html>"
        (problem,) = _update(shelf).renew([source, url])
        assert "is none at all" in problem
        assert shelf.load([source, url])[0].holds("fetched.invalid")
    assert not list(shelf.folder.glob("*.new"))
    for left in (f"{url.name}.new", f".{url.name}.set.new"):  # of a power cut
        (shelf.folder / left).write_bytes(made.data)
    _update(shelf).renew([source])  # the other one is no source any more
    left_there = [one.name for one in shelf.folder.iterdir() if one.suffix in (".set", ".new")]
    assert left_there == [f"{source.name}.set"]


def test_one_source_that_fails_stops_no_other(
    shelf: SealedShelf, source: SealedSource, tmp_path: Path
) -> None:
    missing = replace(source, file=str(tmp_path / "isp" / "none.set"))
    (problem,) = _update(shelf).renew([missing, source])
    assert "none.set" in problem
    assert _holds(shelf, source, "sealed-marker.invalid")
