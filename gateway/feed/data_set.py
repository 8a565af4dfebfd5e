"""Finds the data in use: the packaged data, or a newer data set that the signed feed delivered.

The folder ``feed`` in the state directory has one folder for each unpacked data set, named by its version.
A data set appears there complete, by a rename. The highest version of the package's format is in use, if it
is newer than the package's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import attempt
from gateway.policy.config.config import Config
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from profiles import DATA

FEED = "feed"  # folder in the state directory
RELEASE = "data.yaml"  # file of a data set with its format and version
# The files and folders of a data set. All others, such as age groups, come with the package only.
FILES = (
    "canaries.yaml",
    "ech.yaml",
    "guard.yaml",
    "must_resolve.yaml",
    "name_words.yaml",
    "resolvers.yaml",
    "safesearch.yaml",
    "sources.yaml",
)
FOLDERS = ("countries", "lists", "services")
MAX_VERSION = 10**10  # exclusive: YYYYMMDDnn
MAX_FORMAT = 1000


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder with Qalqan's data (lists, services, countries), from the package or from the feed.

    ``version`` is YYYYMMDDnn. ``format`` says which versions of Qalqan can read it.
    """

    folder: Path
    format: int
    version: int

    @property
    def is_packaged(self) -> bool:
        return self.folder == DATA

    def place(self, name: str) -> Path:
        """Return the path of a data file or folder by its name, whether it exists or not.

        It is in this set's folder, or in the package if data sets never have it (not in FILES or
        FOLDERS).
        """
        return (self.folder if name in FILES or name in FOLDERS else DATA) / name

    def name_of(self, name: str) -> str:
        """Return how messages call a data file: ``profiles/NAME``, or ``feed VERSION: NAME`` if delivered."""
        return f"profiles/{name}" if self.is_packaged else f"feed {self.version}: {name}"


def read_data_set(folder: Path) -> DataSet:
    """Return the data set in a folder, with format and version from its ``data.yaml``.

    Raises PolicyError if that file is missing or invalid.
    """
    file = folder / RELEASE
    part = fields.Fields(parse_document(attempt(file, file.read_bytes), str(file)), ("format", "version"))
    return DataSet(
        folder,
        fields.integer(part.need("format"), 1, MAX_FORMAT),
        fields.integer(part.need("version"), 1, MAX_VERSION - 1),
    )


@cache
def packaged_data() -> DataSet:
    """Return the data set that comes with the package."""
    return read_data_set(DATA)


def delivered_data(config: Config) -> list[DataSet]:
    """Return the data sets from the feed that are newer than the packaged data, the newest first.

    Empty while no feed is set in `qalqan.yaml`. Only sets of the packaged data's format are returned.
    """
    if config.feed is None:
        return []
    return [data for data in stored_data(Path(config.state)) if _is_newer(data, packaged_data())]


def downloaded_table(state: Path) -> Path:
    """Return the path for a category table that was downloaded from the feed and is not in use yet."""
    return state / FEED / "table.new"


def stored_data(state: Path) -> list[DataSet]:
    """Return the complete data sets in the state directory, the newest first, of any format.

    Skips damaged and incomplete ones.
    """
    found = []
    try:
        folders = [folder for folder in (state / FEED).iterdir() if folder.name.isdecimal()]
    except OSError:
        return []
    for folder in folders:
        try:
            data = read_data_set(folder)
        except PolicyError:
            continue
        if str(data.version) == folder.name and all((folder / name).exists() for name in (*FILES, *FOLDERS)):
            found.append(data)
    return sorted(found, key=lambda data: data.version, reverse=True)


def _is_newer(data: DataSet, packaged: DataSet) -> bool:
    """Return whether a data set has the packaged one's format and a higher version, and so may replace it."""
    return data.format == packaged.format and data.version > packaged.version
