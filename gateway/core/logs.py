"""The log on standard error: plain lines for people and procd, one JSON object a line for collectors."""

from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime

FORMS = ("plain", "json")
KEPT = 200  # different lines that are remembered, 500 bytes each; what was said longest ago gives way
LINE_LIMIT = 300  # characters of one
SECRET = "secret"  # ``extra={SECRET: True}``: what is filled in is for the console alone
_BLANK = re.compile(r"%(?:\(\w+\))?[-#0 +]*[\d*]*(?:\.\d+)?[a-z]")  # where logging fills something in


class JsonLines(logging.Formatter):
    """``{"time", "level", "from", "message"}``, and ``trace`` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(form: str, level: int = logging.INFO) -> None:
    """``form`` is one of FORMS. systemd and procd add the time to plain lines themselves."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)


@dataclass(frozen=True, slots=True)
class Line:
    """What was said once or again and again."""

    level: str
    place: str  # module and line of the code
    words: str  # as they stand in the code, with nothing filled in: they name nobody
    text: str  # as it was said
    first: float  # Unix time
    last: float
    times: int = 1


class LastLines(logging.Handler):
    """The last warnings and errors, in memory alone. It listens until it is closed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: dict[tuple[str, str], Line] = {}
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        place, text = f"{record.name}:{record.lineno}", record.getMessage()
        words = _BLANK.sub("…", str(record.msg))
        kind, error = record.exc_info[:2] if record.exc_info else (None, None)
        if kind is not None:
            words, text = f"{words} ({kind.__name__})", f"{text} ({kind.__name__}: {error})"
        text = " ".join((words if hasattr(record, SECRET) else text).split())[:LINE_LIMIT]
        known = self._lines.pop((place, text), None)
        self._lines[place, text] = (
            Line(record.levelname.lower(), place, words[:LINE_LIMIT], text, record.created, record.created)
            if known is None
            else replace(known, last=record.created, times=known.times + 1)
        )
        if len(self._lines) > KEPT:
            del self._lines[next(iter(self._lines))]

    def lines(self) -> tuple[Line, ...]:
        """The one that was said last first."""
        return tuple(reversed(self._lines.values()))

    def close(self) -> None:
        logging.getLogger().removeHandler(self)
        super().close()
