"""`qalqan setup` writes its plan, all of it or nothing, notes what was there before, and takes it back."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import make_folder, read_if_there, sync_folder, write_atomically, write_error_text
from gateway.setup.facts import Plan, SetupError
from gateway.setup.files import DNSMASQ, NAT
from gateway.setup.system import System

FOLDER, RECORD, CHILDREN = "setup", "record.json", "profiles"  # beside qalqan.yaml
PUBLIC, OWN = 0o644, 0o640
MOST = 1 << 20  # bytes of any file that is kept

Undoing = list[Callable[[], None]]


@dataclass(slots=True)
class Record:
    """What an earlier run, or several, changed. What was there before the first one comes back."""

    files: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # path → its copy or "", our text's digest
    sysctls: dict[str, str] = field(default_factory=dict)  # name → the value before
    units: list[str] = field(default_factory=list)  # that were started
    enabled: list[str] = field(default_factory=list)  # of these, those that were not before

    def as_bytes(self) -> bytes:
        told = {
            "files": self.files,
            "sysctls": self.sysctls,
            "units": self.units,
            "enabled": self.enabled,
        }
        return json.dumps(told, indent=1, sort_keys=True).encode() + b"\n"


class Ledger:
    """The record of one gateway, in a folder beside its qalqan.yaml. Both are root's alone: what the record
    names, root puts back, wherever that is; and the folder above is the daemon's.
    """

    def __init__(self, config: Path) -> None:
        self.folder = config.with_name(FOLDER)
        self.path = self.folder / RECORD
        self.children = config.with_name(CHILDREN)

    def read(self) -> Record | None:
        """None: setup has written nothing. Raises SetupError for a record that is broken."""
        data = self.kept(RECORD)
        if data is None:
            return None
        try:
            told = json.loads(data)
            files = {str(path): (str(copy), str(digest)) for path, (copy, digest) in told["files"].items()}
            return Record(files, dict(told["sysctls"]), list(told["units"]), list(told["enabled"]))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            msg = (
                f"{self.path}: is no record of setup; put it back from a backup, or remove it and what "
                "docs/providers/setup.md lists"
            )
            raise SetupError(msg) from error

    def write(self, record: Record) -> None:
        self.keep(RECORD, record.as_bytes())

    def keep(self, name: str, data: bytes) -> None:
        with _written(self.folder / name):
            write_atomically(self.folder / name, data)
            sync_folder(self.folder)

    def kept(self, name: str) -> bytes | None:
        """None where there is none. Raises SetupError for one that somebody else wrote."""
        path = self.folder / name
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"{path}: cannot be read ({error.strerror}); run this as root"
            raise SetupError(msg) from error
        with open(file, "rb") as opened:
            about = os.fstat(file)
            if about.st_uid != os.geteuid() or not stat.S_ISREG(about.st_mode):
                raise _not_ours(path)
            return opened.read(MOST)

    def make(self) -> None:
        """Raises SetupError for a folder that somebody else made."""
        with _written(self.folder):
            make_folder(self.folder.parent)
            with suppress(FileExistsError):
                self.folder.mkdir(0o700)
            about = self.folder.lstat()
        if about.st_uid != os.geteuid() or not stat.S_ISDIR(about.st_mode):
            raise _not_ours(self.folder)

    def started(self, units: tuple[str, ...], enabled: tuple[str, ...]) -> None:
        record = self.read() or Record()
        record.units = sorted({*record.units, *units})
        record.enabled = sorted({*record.enabled, *enabled})
        self.write(record)


def _not_ours(path: Path) -> SetupError:
    return SetupError(f"{path}: is not root's, so setup did not write it; look at it, and remove it")


def write(path: Path, data: bytes) -> None:
    """As a file that is there has it; a new one as its folder's owner, which the package made: the daemon's
    own user reads and writes what is the family's. Raises SetupError.
    """
    with _written(path):
        make_folder(path.parent)
        write_atomically(path, data, _like(path))
        sync_folder(path.parent)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{path}: cannot be written ({write_error_text(error)}); run this as root, and make room"
        raise SetupError(msg) from error
    except PolicyError as error:
        raise SetupError(str(error)) from error


def _like(path: Path) -> os.stat_result:
    with suppress(FileNotFoundError):
        return path.stat()
    folder = path.parent.stat()
    mode = OWN if path.suffix in (".yaml", ".json", ".nft") else PUBLIC
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, folder.st_uid, folder.st_gid, 0, 0, 0, 0))


def apply(plan: Plan, files: Mapping[Path, bytes], ledger: Ledger, system: System) -> list[Path]:
    """Write and switch; what changed. Where anything fails, or Ctrl-C comes, everything is as it was."""
    back: Undoing = []
    try:
        return _apply(plan, files, ledger, system, back)
    except BaseException:
        for one in reversed(back):
            with suppress(SetupError, OSError):
                one()
        raise


def _apply(
    plan: Plan, files: Mapping[Path, bytes], ledger: Ledger, system: System, back: Undoing
) -> list[Path]:
    record, earlier = ledger.read() or Record(), ledger.kept(RECORD)
    made = [one for one in (*ledger.folder.parents, ledger.folder, ledger.children) if not one.exists()]
    back.append(lambda: _remove_folders(made))
    ledger.make()
    _make_like(ledger.children)
    stale = [path for path in map(Path, record.files) if path not in files]
    before = {path: _read(path) for path in (*files, *stale)}
    changed = [path for path in files if before[path] != files[path]]
    for path in changed:
        _note(record, ledger, path, before[path], files[path], back)
    for name, _ in plan.sysctls:
        record.sysctls.setdefault(name, system.sysctl(name))
    back.append(lambda: _put_back(ledger, earlier))
    ledger.write(record)  # first: what is cut off in the middle is taken back by --undo
    for path in changed:
        _write(path, files[path], before[path], back)
    for path in stale:
        _write(path, _kept(ledger, record.files.pop(str(path))[0]), before[path], back)
    ledger.write(record)
    if any(path.match(DNSMASQ) for path in changed):
        system.test_dnsmasq()
    for name, value in plan.sysctls:
        _switch(system, name, value, back)
    nat = ledger.path.parent.with_name(NAT)
    back.append(lambda: system.translate(before.get(nat)))
    system.translate(files.get(nat))
    return [*changed, *stale]


def _note(
    record: Record, ledger: Ledger, path: Path, before: bytes | None, after: bytes, back: Undoing
) -> None:
    """A copy of what is there, unless it is what an earlier run wrote. The first copy is what comes back."""
    copy, ours = record.files.get(str(path), ("", ""))
    if before is not None and _digest(before) != ours:
        kept = _free(ledger.folder, path.name)
        back.append(lambda: kept.unlink(missing_ok=True))
        ledger.keep(kept.name, before)
        copy = copy if str(path) in record.files else kept.name
    record.files[str(path)] = copy, _digest(after)


def _free(folder: Path, name: str) -> Path:
    """A name for one more copy."""
    number = 1
    while (folder / f"{name}.{number}").exists():
        number += 1
    return folder / f"{name}.{number}"


def _write(path: Path, data: bytes | None, before: bytes | None, back: Undoing) -> None:
    back.append(lambda: _put(path, before))
    _put(path, data)


def _switch(system: System, name: str, value: str, back: Undoing) -> None:
    was = system.sysctl(name)
    back.append(lambda: system.set_sysctl(name, was))
    system.set_sysctl(name, value)


def _put(path: Path, data: bytes | None) -> None:
    """None: nothing shall be there."""
    if data is not None:
        write(path, data)
    elif path.exists():
        path.unlink()


def _put_back(ledger: Ledger, record: bytes | None) -> None:
    if record is None:
        ledger.path.unlink(missing_ok=True)
    else:
        ledger.keep(RECORD, record)


def _kept(ledger: Ledger, copy: str) -> bytes | None:
    return ledger.kept(copy) if copy else None


def _read(path: Path) -> bytes | None:
    return read_if_there(path)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _make_like(folder: Path) -> None:
    """As the owner of the folder that it is in has it."""
    if not folder.exists():
        try:
            make_folder(folder)
        except PolicyError as error:
            raise SetupError(str(error)) from error
        above = folder.parent.stat()
        # Not what a link leads to, which somebody put in its place: the folder above is theirs.
        os.chown(folder, above.st_uid, above.st_gid, follow_symlinks=False)


def _remove_folders(folders: list[Path]) -> None:
    for one in sorted(folders, key=lambda path: -len(path.parts)):
        with suppress(OSError):
            one.rmdir()


def undo(ledger: Ledger, system: System) -> list[str]:
    """What an earlier set-up wrote goes, and what was there comes back; a line for each thing that was done.
    A file that somebody changed since is kept beside the record.
    """
    record = ledger.read()
    if record is None:
        msg = f"{ledger.path} is not there: setup has written nothing here"
        raise SetupError(msg)
    told = []
    if record.units:
        system.stop(tuple(record.units), tuple(record.enabled))
        told.append(f"stopped: {', '.join(record.units)}")
    for name, (copy, ours) in sorted(record.files.items()):
        path, old = Path(name), _kept(ledger, copy)
        there = _read(path)
        if there is not None and _digest(there) != ours:
            changed = _free(ledger.folder, f"{path.name}.changed")
            ledger.keep(changed.name, there)
            told.append(f"{path} was changed since; a copy is in {changed}")
        _put(path, old)
        told.append(f"{path}: {'gone' if old is None else 'as before'}")
    for name, value in sorted(record.sysctls.items()):
        system.set_sysctl(name, value)
    system.translate(_read(ledger.path.parent.with_name(NAT)))
    if any(Path(name).match(DNSMASQ) for name in record.files):
        system.restart_dnsmasq()
    for copy, _ in record.files.values():
        if copy:
            (ledger.folder / copy).unlink(missing_ok=True)
    ledger.path.unlink()
    _remove_folders([ledger.folder, ledger.children])
    return told
