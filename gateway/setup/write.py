"""Writes setup's plan completely or not at all, records what was there before, and undoes it."""

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
from gateway.setup.facts import SetupError, SetupPlan
from gateway.setup.files import DNSMASQ, NAT
from gateway.setup.system import System

FOLDER, RECORD, CHILDREN = "setup", "record.json", "profiles"  # next to qalqan.yaml
PUBLIC, OWN = 0o644, 0o640
MOST = 1 << 20  # bytes of any file that is copied

Undoing = list[Callable[[], None]]


@dataclass(slots=True)
class SetupRecord:
    """What setup has changed on this machine, and what was there before its first run, for undo."""

    # path → the copy's name or "", and the digest of our content
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)  # name → the value before
    units: list[str] = field(default_factory=list)  # that were started
    enabled: list[str] = field(default_factory=list)  # those of them that were not enabled before

    def as_bytes(self) -> bytes:
        content = {
            "files": self.files,
            "sysctls": self.sysctls,
            "units": self.units,
            "enabled": self.enabled,
        }
        return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


class RecordFolder:
    """The folder next to qalqan.yaml with setup's record and copies of the files that it replaced.

    Only root can write to it. Otherwise the daemon's user, who owns the parent folder, could change the
    record and let root overwrite any file at an undo.
    """

    def __init__(self, config: Path) -> None:
        self.folder = config.with_name(FOLDER)
        self.path = self.folder / RECORD
        self.children = config.with_name(CHILDREN)

    def read(self) -> SetupRecord | None:
        """Return the record of what setup changed; None if it has written nothing.

        Raises SetupError for an invalid record.
        """
        data = self.kept(RECORD)
        if data is None:
            return None
        try:
            stored = json.loads(data)
            files = {str(path): (str(copy), str(digest)) for path, (copy, digest) in stored["files"].items()}
            return SetupRecord(files, dict(stored["sysctls"]), list(stored["units"]), list(stored["enabled"]))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            msg = (
                f"{self.path}: is not a record of setup; restore it from a backup, or remove it and what "
                "docs/providers/setup.md lists"
            )
            raise SetupError(msg) from error

    def write(self, record: SetupRecord) -> None:
        self.keep(RECORD, record.as_bytes())

    def keep(self, name: str, data: bytes) -> None:
        """Write a file atomically in the folder with setup's record. Raises SetupError."""
        with _written(self.folder / name):
            write_atomically(self.folder / name, data)
            sync_folder(self.folder)

    def kept(self, name: str) -> bytes | None:
        """Return the content of a file in the folder with setup's record; None if it does not exist.

        Raises SetupError if it cannot be read, or another user wrote it.
        """
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
        """Create the folder for setup's record, for root only.

        Raises SetupError if another user created it.
        """
        with _written(self.folder):
            make_folder(self.folder.parent)
            with suppress(FileExistsError):
                self.folder.mkdir(0o700)
            about = self.folder.lstat()
        if about.st_uid != os.geteuid() or not stat.S_ISDIR(about.st_mode):
            raise _not_ours(self.folder)

    def started(self, units: tuple[str, ...], enabled: tuple[str, ...]) -> None:
        record = self.read() or SetupRecord()
        record.units = sorted({*record.units, *units})
        record.enabled = sorted({*record.enabled, *enabled})
        self.write(record)


def _not_ours(path: Path) -> SetupError:
    return SetupError(f"{path}: does not belong to root, so setup did not write it; check and remove it")


def write(path: Path, data: bytes) -> None:
    """Write a file atomically, with the mode and owner of the existing one. Raises SetupError.

    A new file gets the owner of its folder, since the daemon's user reads and writes the family's files.
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
        msg = f"{path}: cannot be written ({write_error_text(error)}); run this as root, and free space"
        raise SetupError(msg) from error
    except PolicyError as error:
        raise SetupError(str(error)) from error


def _like(path: Path) -> os.stat_result:
    with suppress(FileNotFoundError):
        return path.stat()
    folder = path.parent.stat()
    mode = OWN if path.suffix in (".yaml", ".json", ".nft") else PUBLIC
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, folder.st_uid, folder.st_gid, 0, 0, 0, 0))


def apply(plan: SetupPlan, files: Mapping[Path, bytes], ledger: RecordFolder, system: System) -> list[Path]:
    """Write setup's files, set sysctls, load the NAT rules and record all of it; return the changed paths.

    Files of an earlier setup that the plan no longer has are restored or removed; their paths are returned
    too. After any failure or Ctrl-C everything is restored, and the error is raised.
    """
    back: Undoing = []
    try:
        return _apply(plan, files, ledger, system, back)
    except BaseException:
        for undo_step in reversed(back):
            with suppress(SetupError, OSError):
                undo_step()
        raise


def _apply(
    plan: SetupPlan, files: Mapping[Path, bytes], ledger: RecordFolder, system: System, back: Undoing
) -> list[Path]:
    record, earlier = ledger.read() or SetupRecord(), ledger.kept(RECORD)
    made = [path for path in (*ledger.folder.parents, ledger.folder, ledger.children) if not path.exists()]
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
    ledger.write(record)  # first: --undo can then reverse an interrupted run
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
    record: SetupRecord, ledger: RecordFolder, path: Path, before: bytes | None, after: bytes, back: Undoing
) -> None:
    """Record a file before it is overwritten, with a copy unless its content is from an earlier run of setup.

    Undo restores the first copy. ``back``: gets a function that removes the copy.
    """
    copy, ours = record.files.get(str(path), ("", ""))
    if before is not None and _digest(before) != ours:
        kept = _free(ledger.folder, path.name)
        back.append(lambda: kept.unlink(missing_ok=True))
        ledger.keep(kept.name, before)
        copy = copy if str(path) in record.files else kept.name
    record.files[str(path)] = copy, _digest(after)


def _free(folder: Path, name: str) -> Path:
    """Return the path of a file in the folder that does not exist yet: ``name`` with a number."""
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
    """Write a file; with None as data, remove it. Raises SetupError or OSError."""
    if data is not None:
        write(path, data)
    elif path.exists():
        path.unlink()


def _put_back(ledger: RecordFolder, record: bytes | None) -> None:
    if record is None:
        ledger.path.unlink(missing_ok=True)
    else:
        ledger.keep(RECORD, record)


def _kept(ledger: RecordFolder, copy: str) -> bytes | None:
    return ledger.kept(copy) if copy else None


def _read(path: Path) -> bytes | None:
    return read_if_there(path)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _make_like(folder: Path) -> None:
    """Create a folder with the owner and group of its parent, if it does not exist. Raises SetupError."""
    if not folder.exists():
        try:
            make_folder(folder)
        except PolicyError as error:
            raise SetupError(str(error)) from error
        above = folder.parent.stat()
        # Do not follow a link that was put there: the parent folder is not ours.
        os.chown(folder, above.st_uid, above.st_gid, follow_symlinks=False)


def _remove_folders(folders: list[Path]) -> None:
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        with suppress(OSError):
            folder.rmdir()


def undo(ledger: RecordFolder, system: System) -> list[str]:
    """Stop setup's services, restore files, sysctls and NAT rules; return lines about services and files.

    The services are stopped even if they ran before setup. Of a file that was changed after setup, a copy
    stays in the record's folder. Raises SetupError, also if setup has written nothing.
    """
    record = ledger.read()
    if record is None:
        msg = f"{ledger.path} does not exist: setup has written nothing here"
        raise SetupError(msg)
    lines = []
    if record.units:
        system.stop(tuple(record.units), tuple(record.enabled))
        lines.append(f"stopped: {', '.join(record.units)}")
    for name, (copy, ours) in sorted(record.files.items()):
        path, old = Path(name), _kept(ledger, copy)
        there = _read(path)
        if there is not None and _digest(there) != ours:
            changed = _free(ledger.folder, f"{path.name}.changed")
            ledger.keep(changed.name, there)
            lines.append(f"{path} was changed since; a copy is in {changed}")
        _put(path, old)
        lines.append(f"{path}: {'removed' if old is None else 'restored'}")
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
    return lines
