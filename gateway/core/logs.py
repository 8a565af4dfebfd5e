"""Writes the log to the standard streams, as plain lines or JSON, and keeps the last warnings in memory."""

from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime

PROCD = "procd"
FORMS = ("plain", "json", PROCD)
KEPT = 200  # different lines that are stored, 500 bytes each; the least recent is dropped
LINE_LIMIT = 300  # characters of a line
SECRET = "secret"  # ``extra={SECRET: True}``: the arguments appear on the console only
_BLANK = re.compile(r"%(?:\(\w+\))?[-#0 +]*[\d*]*(?:\.\d+)?[a-z]")  # a placeholder of logging


class JsonLines(logging.Formatter):
    """Formats a log record as one JSON object: ``{"time", "level", "from", "message"}``.

    An exception adds ``trace``.
    """

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
    """Send all log messages from ``level`` on to standard error. ``form``: plain, json or procd.

    Plain lines have no time, since systemd and procd add it. In the form ``procd``, lines below a warning
    go to standard output: procd logs standard error with the priority of an error.
    """
    handlers = [logging.StreamHandler(sys.stderr)]
    if form == PROCD:
        handlers.append(logging.StreamHandler(sys.stdout))
        handlers[0].setLevel(logging.WARNING)
        handlers[1].addFilter(lambda record: record.levelno < logging.WARNING)
    for handler in handlers:
        handler.setFormatter(
            JsonLines() if form == "json" else logging.Formatter("%(levelname)s: %(message)s")
        )
    logging.basicConfig(level=level, handlers=handlers, force=True)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A warning or error of the log, with the number of its repetitions and their first and last time."""

    level: str
    place: str  # module and line of the code
    words: str  # the message template without its arguments: it contains no personal data
    text: str  # the complete message
    first: float  # Unix time
    last: float
    times: int = 1


class LastLines(logging.Handler):
    """A log handler that stores the last KEPT different warnings and errors in memory, until it is closed.

    It adds itself to the root logger. A repetition raises the count of its line, which is then the most
    recent one. Other arguments of the message make another line.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: dict[tuple[str, str], LogLine] = {}
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
            LogLine(record.levelname.lower(), place, words[:LINE_LIMIT], text, record.created, record.created)
            if known is None
            else replace(known, last=record.created, times=known.times + 1)
        )
        if len(self._lines) > KEPT:
            del self._lines[next(iter(self._lines))]

    def lines(self) -> tuple[LogLine, ...]:
        """Return the stored warnings and errors, the most recent first."""
        return tuple(reversed(self._lines.values()))

    def close(self) -> None:
        logging.getLogger().removeHandler(self)
        super().close()
