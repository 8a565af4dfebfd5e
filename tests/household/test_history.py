"""Files in place and as they were before: whole or not at all, whatever ends the process."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.core.errors import ControlError, PolicyError
from gateway.core.files import write_atomically
from gateway.core.reason_codes import Code
from gateway.household.editing import Author, Editing
from gateway.household.file_history import BY_HAND, GONE, STEPS, FileHistory, revision_of
from gateway.household.loading import load_product
from gateway.household.rule_book import RuleBook
from tests.household.household_files import DAUGHTER, SON, write

PRODUCT = load_product()
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
MUM = Author("Mum", AT)
TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def put(history: FileHistory, /, *by_hand: str, **files: bytes | None) -> None:
    named = {f"{name}.yaml": data for name, data in files.items()}
    found = {name: history.read(name) for name in named}
    history.put(named, found, by="Mum", at=AT, by_hand=frozenset(by_hand))


def test_the_last_eight_are_kept_and_read_after_a_restart(tmp_path: Path) -> None:
    history = FileHistory(tmp_path)
    versions = [f"band: {number}\n".encode() for number in range(12)]
    for data in versions:
        put(history, kid=data)
    again = FileHistory(tmp_path)
    assert len(again.steps) == STEPS == len(list((tmp_path / "history").iterdir()))
    for data in versions[-9:-1]:
        [*_, step] = again.since("kid.yaml", revision_of(data))
        assert again.content(step, "kid.yaml") == data
    assert again.since("kid.yaml", revision_of(versions[0])) == []
    last = again.last("kid.yaml", revision_of(versions[-1]))
    assert last is not None
    assert (last.by, last.at) == ("Mum", AT)
    assert again.last("kid.yaml", 7) is None


def test_what_a_hand_wrote_is_kept_for_longer(tmp_path: Path) -> None:
    history = FileHistory(tmp_path)
    (tmp_path / "kid.yaml").write_bytes(b"# mine\n")
    put(history, "kid.yaml", kid=b"a: 1\n")
    for number in range(20):
        put(history, kid=b"a: %d\n" % number)
    [*_, step] = history.since("kid.yaml", revision_of(b"# mine\n"))
    assert history.content(step, "kid.yaml") == b"# mine\n"
    for number in range(BY_HAND):
        put(history, "kid.yaml", kid=b"b: %d\n" % number)
    assert history.since("kid.yaml", revision_of(b"# mine\n")) == []


def test_removed_ones_are_bounded(tmp_path: Path) -> None:
    history = FileHistory(tmp_path)
    for number in range(GONE + 4):
        put(history, **{f"kid{number}": b"a: 1\n"})
        put(history, **{f"kid{number}": None})
    assert sum(one.removed is not None for one in history.steps.values()) == GONE


def test_mode_and_owner_stay_and_a_new_file_is_like_the_others(tmp_path: Path) -> None:
    file = tmp_path / "kid.yaml"
    file.write_bytes(b"a: 1\n")
    file.chmod(0o640)
    os.chown(file, 12345, 54321)
    history = FileHistory(tmp_path)
    put(history, kid=b"a: 2\n", other=b"b: 1\n")
    for name in ("kid.yaml", "other.yaml"):
        found = (tmp_path / name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, 12345, 54321)
    kept = tmp_path / "history" / "000001" / "kid.yaml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_link_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "kid"
    real.parent.mkdir()
    real.write_bytes(b"a: 1\n")
    (tmp_path / "kid.yaml").symlink_to(real)
    put(FileHistory(tmp_path), kid=b"a: 2\n")
    assert (tmp_path / "kid.yaml").is_symlink()
    assert real.read_bytes() == b"a: 2\n"


def test_what_was_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kid.yaml").write_bytes(b"a: 2\n")
    history = FileHistory(tmp_path)
    with pytest.raises(ControlError) as caught:
        history.put({"kid.yaml": b"a: 3\n"}, {"kid.yaml": b"a: 1\n"}, by="Mum", at=AT, by_hand=frozenset())
    assert caught.value.code == Code.CHANGED_MEANWHILE
    assert (tmp_path / "kid.yaml").read_bytes() == b"a: 2\n"
    assert not history.steps
    assert not list((tmp_path / "history").iterdir())


def test_where_one_of_two_cannot_be_written_neither_is(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: 1\n")
    (tmp_path / "b.yaml").write_bytes(b"b: 1\n")
    (tmp_path / ".b.yaml.new").mkdir()
    history = FileHistory(tmp_path)
    with pytest.raises(PolicyError, match="cannot be written") as caught:
        put(history, a=b"a: 2\n", b=b"b: 2\n")
    assert caught.value.code == Code.NOT_WRITTEN
    assert ((tmp_path / "a.yaml").read_bytes(), (tmp_path / "b.yaml").read_bytes()) == (b"a: 1\n", b"b: 1\n")
    assert not history.steps


def test_a_step_that_did_not_happen_is_forgotten_at_the_next_start(tmp_path: Path) -> None:
    put(FileHistory(tmp_path), kid=b"a: 1\n")
    for number in range(60):
        was_killed = killed_at(number, partial(put, FileHistory(tmp_path), kid=b"a: %d\n" % (number + 2)))
        again = FileHistory(tmp_path)
        assert not again.recover()
        data = again.read("kid.yaml")
        assert data is not None
        assert again.last("kid.yaml", revision_of(data)) is not None, "who made it is known"
        if not was_killed:
            return
    pytest.fail("it never came to its end")


def test_where_a_step_cannot_be_taken_back_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: 1\n")
    (tmp_path / "b.yaml").write_bytes(b"b: 1\n")
    history = FileHistory(tmp_path)
    wrote: list[Path] = []

    def full(path: Path, data: bytes, like: os.stat_result | None = None) -> None:
        if path.parent == tmp_path:
            if wrote:
                raise OSError(28, "No space left on device")
            wrote.append(path)
        write_atomically(path, data, like)

    monkeypatch.setattr("gateway.household.file_history.write_atomically", full)
    with pytest.raises(PolicyError, match="the disk is full"):
        put(history, a=b"a: 2\n", b=b"b: 2\n")
    [step] = history.since("a.yaml", revision_of(b"a: 1\n"))
    assert history.content(step, "a.yaml") == b"a: 1\n"
    monkeypatch.undo()
    again = FileHistory(tmp_path)
    assert again.recover()
    assert (tmp_path / "a.yaml").read_bytes() == b"a: 1\n"


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b'{"by": 1}', b'{"by":"x","at":"2026-01-01","before":{},"after":{}}']
)
def test_a_spoilt_step_is_passed_over(tmp_path: Path, note: bytes) -> None:
    put(FileHistory(tmp_path), kid=b"a: 1\n")
    (tmp_path / "history" / "000001" / "step.json").write_bytes(note)
    (tmp_path / "history" / "notes.txt").write_text("mine")
    history = FileHistory(tmp_path)
    assert not history.steps
    put(history, kid=b"a: 2\n")
    assert len(FileHistory(tmp_path).steps) == 1


def test_a_kept_version_that_was_changed_is_not_brought_back(tmp_path: Path) -> None:
    history = FileHistory(tmp_path)
    for data in (b"a: 1\n", b"a: 2\n"):
        put(history, kid=data)
    (tmp_path / "history" / "000002" / "kid.yaml").write_bytes(b"a: 9\n")
    [step] = history.since("kid.yaml", revision_of(b"a: 1\n"))
    with pytest.raises(PolicyError, match="was changed since"):
        history.content(step, "kid.yaml")


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a process that is killed before its n-th change of a folder. False: it was not."""
    child = os.fork()
    if child == 0:
        left = [number]

        def hook(event: str, values: tuple[object, ...]) -> None:
            opens = event == "open" and isinstance(values[2], int) and values[2] & (os.O_WRONLY | os.O_RDWR)
            if opens or event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir"):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """A device goes from one child to another: both files, or neither, and what was there is kept."""
    for number in range(400):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = write(folder, {"daughter": DAUGHTER, "son": SON})
        profiles = folder / "profiles"
        before = {one: (profiles / one).read_bytes() for one in ("daughter.yaml", "son.yaml")}
        rules = RuleBook(path, PRODUCT)
        editing = Editing(rules, lambda _: None)
        was_killed = killed_at(number, partial(editing.edit, "son", {"devices": [PHONE, TABLET]}, MUM))
        again = RuleBook(path, PRODUCT)
        assert not again.problems()
        now = {one: (profiles / one).read_bytes() for one in before}
        if now != before:
            assert all(now[one] != before[one] for one in before), "one without the other"
            owner = again.household.owner_of(TABLET)
            assert owner is not None
            assert owner.id == "son"
            Editing(again, lambda _: None).undo_edit("son", revision_of(before["son.yaml"]), MUM)
            assert {one: (profiles / one).read_bytes() for one in before} == before
        if not was_killed:
            assert now != before
            assert number > 15, "it was killed at many moments"
            return
    pytest.fail("it never came to its end")


WHO = st.sampled_from(["daughter", "son"])
EDITS = st.one_of(
    st.tuples(st.just("edit"), WHO, st.sampled_from(["allow-list", "block-list", None])),
    st.tuples(st.sampled_from(["move", "hand"]), WHO, st.none()),
    st.tuples(st.just("undo"), WHO, st.integers(0, 5)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(EDITS, max_size=10))
@example(  # both files go back, and the tablet with each of them
    [
        ("move", "son", None),
        ("undo", "son", 0),
        ("hand", "daughter", None),
        ("move", "son", None),
        ("undo", "son", 1),
    ]
)
def test_any_edits_and_undos_leave_files_that_load_and_come_back_byte_by_byte(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, object]]
) -> None:
    folder = tmp_path_factory.mktemp("home")
    path = write(folder, {"daughter": DAUGHTER, "son": SON})
    rules = RuleBook(path, PRODUCT)
    editing = Editing(rules, lambda _: None)
    seen: dict[str, list[bytes]] = {"daughter": [], "son": []}
    for what, who, value in steps:
        file = folder / "profiles" / f"{who}.yaml"
        now = file.read_bytes()
        if what == "edit":
            editing.edit(who, {"mode": value}, MUM)
        elif what == "move":
            editing.edit(who, {f"devices/{TABLET}": True}, MUM)
        elif what == "hand":
            file.write_bytes(now + b"# a note\n")
            continue
        elif seen[who]:
            wanted = seen[who][-1 - int(str(value)) % len(seen[who])]
            editing.undo_edit(who, revision_of(wanted), MUM)
            assert file.read_bytes() == wanted
        if file.read_bytes() != now:
            seen[who].append(now)
        assert rules.with_files({}).problems == {}
        owners = [one.id for one in rules.household.profiles.values() if TABLET in one.devices]
        assert len(owners) <= 1
