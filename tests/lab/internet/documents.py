"""Files of web sites: ``sites/HOST/PATH`` in the home's folder is what HOST serves at PATH.

The file ``index`` of a folder is served at its path with a slash at the end. While there is a file
``PATH.hold`` next to a file, its answer waits.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

FOLDER, INDEX, HOLD = "sites", "index", ".hold"


class Documents:
    """``folder`` may change meanwhile. A host without a folder there is not one of these sites."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, host: str) -> bool:
        return bool(host) and "/" not in host and host != ".." and (self._folder / host).is_dir()

    def body(self, host: str, target: str) -> bytes | None:
        """Return the file at a path of a host that `has` knows; None where there is none."""
        file = self._file(host, target)
        return file.read_bytes() if ".." not in file.parts and file.is_file() else None

    def is_held(self, host: str, target: str) -> bool:
        """Return whether the answer for a path of a host that `has` knows has to wait."""
        file = self._file(host, target)
        return file.with_name(file.name + HOLD).exists()

    def _file(self, host: str, target: str) -> Path:
        path = unquote(urlsplit(target).path).lstrip("/")
        return self._folder / host / (f"{path}{INDEX}" if path.endswith("/") else path)
