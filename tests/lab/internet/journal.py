"""What reached the pretended internet, one JSON object a line: the proof that a refused thing never did."""

from __future__ import annotations

import json
import time
from pathlib import Path


class Journal:
    """``proto`` is dns, http, https, h3 or udp; ``name`` is the name asked for."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("a", buffering=1) if path else None

    def note(self, proto: str, name: str, client: str, detail: str = "") -> None:
        if self._file:
            line = {
                "time": round(time.time(), 3),
                "proto": proto,
                "name": name,
                "client": client,
                "detail": detail,
            }
            self._file.write(json.dumps(line) + "\n")
