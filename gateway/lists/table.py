"""The category table in force: the built one, mapped from its file; before the first build, our own seed."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ListError
from gateway.policy.domains import DomainTable, pack_table
from profiles import DATA

TABLE_NAME = "categories.table"
SEED_FOLDER = "lists"  # in the package profiles: one file a category
SEED_BUILT = "2026-11-24T00:00:00+00:00"  # when the seed was last written; it has no build time of its own
_SEED_SALT = bytes(16)  # names of our own writing need no salt against crafted collisions


@dataclass(slots=True)
class MappedTable:
    """``table`` may be used until ``close``."""

    table: DomainTable
    _mapping: mmap.mmap | None

    def close(self) -> None:
        self.table.close()
        if self._mapping is not None:
            self._mapping.close()
            self._mapping = None


def open_table(state: Path) -> MappedTable:
    """The table in ``state``, or the seed where none was ever built. Raises ListError for a damaged one."""
    path = state / TABLE_NAME
    try:
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        return MappedTable(seed_table(), None)
    except ValueError as error:  # no file without a byte can be mapped
        msg = f"{path}: the category table is empty; build it again: qalqan lists build"
        raise ListError(msg) from error
    except OSError as error:
        msg = f"{path}: the category table cannot be read ({error.strerror}); mend its permissions or `state`"
        raise ListError(msg) from error
    try:
        return MappedTable(DomainTable(memoryview(mapping)), mapping)
    except ListError as error:
        # The mapping ends with the last view of it, which the traceback still has: it cannot be closed here.
        msg = f"{path}: {error}"
        raise ListError(msg) from error


def seed_names() -> Mapping[str, frozenset[str]]:
    """Name → categories, of the lists that come with the product."""
    found: dict[str, frozenset[str]] = {}
    for file in sorted(DATA.joinpath(SEED_FOLDER).iterdir()):
        category, ending = file.name.rpartition(".")[::2]
        if ending != "txt":
            continue
        for line in file.read_text("ascii").splitlines():
            name = line.split("#", 1)[0].strip()
            if name:
                found[name] = found.get(name, frozenset()) | {category}
    return found


def seed_table() -> DomainTable:
    return DomainTable(pack_table(seed_names(), salt=_SEED_SALT, built=SEED_BUILT))
