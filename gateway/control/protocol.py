"""The control protocol without its socket: parses and formats lines of JSON.

A request is one line, ``{"do": "pause", "who": "daughter", "minutes": 30}``. An answer is one line,
``{"ok": true, …}`` or ``{"ok": false, "error": "one line for a person", "code": "no_child", "values": {…}}``.
After ``{"do": "events"}`` the answer is followed by one line for each event, ``{"event": "pause", …}``,
until either side closes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, NoReturn, TypeVar

from gateway.control.schema import is_record, values_of
from gateway.core.errors import ControlError, GatewayError
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps

REQUEST_LIMIT = 64 * 1024  # bytes a line; the longest is an `edit` with a list of a few thousand sites
ANSWER_LIMIT = 1024 * 1024  # bytes a line; a status of 64 children with 20 devices each is below 300 KiB
PROBE_INTERFACE = "qqaudit0"  # the gateway's interface to the test network of a bypass test (`qalqan audit`)
TEXT_LIMIT = 300  # characters of one value; a host name has at most 253


class Role(StrEnum):
    """What a client of the control socket may do. It follows from its user id, which the kernel reports."""

    OWNER = "owner"  # root, or the user of the daemon: all verbs
    WEB = "web"  # the web process: verbs that the permission table allows


WhenGone = Callable[[Callable[[], None]], None]
Args = TypeVar("Args")


def _stays(_: Callable[[], None]) -> None:
    return


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request of a client: its verb, the client's role, and unchecked values.

    The accessors check a value and raise ControlError with a message of one line.
    """

    do: str
    role: Role
    uid: int  # of the process at the other end
    values: Mapping[str, Any]  # everything but "do", not validated
    when_gone: WhenGone = _stays  # sets the function to call when the client disconnects; the last one counts

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """Return the value at ``key`` as a trimmed, printable line of at most TEXT_LIMIT characters.

        A missing value gives ``default``. Raises ControlError without one, and for other values.
        """
        value = self.values.get(key)
        if value is None:
            if default is None:
                self.refuse(key, "is missing")
            return default
        if not isinstance(value, str) or not value.strip():
            self.refuse(key, "must be text")
        value = value.strip()
        if len(value) > TEXT_LIMIT or not value.isprintable():
            self.refuse(key, f"must be one printable line of at most {TEXT_LIMIT} characters")
        return value

    def text_or_none(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def whole(self, key: str, *, least: int, most: int, default: int | None = None) -> int:
        value = self.values.get(key, default)
        if value is None:
            self.refuse(key, "is missing")
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(key, f"must be a whole number from {least} to {most}")
        return value

    def moment_or_none(self, key: str) -> datetime | None:
        """Return the aware time at ``key``, in ISO 8601 with its offset; None if the key is absent.

        Raises ControlError for another value.
        """
        if not self.has(key):
            return None
        try:
            moment = datetime.fromisoformat(self.text(key))
        except ValueError:
            self.refuse(key, "must be a time such as 2026-11-24T20:45:00+05:00")
        if moment.tzinfo is None:
            self.refuse(key, "needs an offset, as in 2026-11-24T20:45:00+05:00")
        return moment

    def day(self, key: str, default: date) -> date:
        if not self.has(key):
            return default
        try:
            return date.fromisoformat(self.text(key))
        except ValueError:
            self.refuse(key, "must be a date such as 2026-11-24")

    def choice(self, key: str, allowed: Iterable[str]) -> str:
        value, options = self.text(key), tuple(allowed)
        if value not in options:
            self.refuse(key, f"must be one of {', '.join(options)}")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """Return the value at ``key``: a non-empty mapping of printable lines to any JSON values.

        Raises ControlError for another value.
        """
        value = self.values.get(key)
        if not isinstance(value, dict) or not value:
            self.refuse(key, "must be a mapping that is not empty")
        if any(len(name) > TEXT_LIMIT or not name.isprintable() for name in value):
            self.refuse(key, f"has a key that is not a printable line of at most {TEXT_LIMIT} characters")
        return value

    def texts(self, key: str) -> list[str]:
        """Return the list of texts at ``key``; empty if the key is absent.

        Raises ControlError for another value.
        """
        value = self.values.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(key, "must be a list of texts")
        return value

    def owner_only(self) -> None:
        if self.role is not Role.OWNER:
            msg = f"{self.do}: only root may do this; use the qalqan command"
            raise ControlError(msg).coded(Code.ROOT_ONLY)

    def refuse(self, key: str, problem: str) -> NoReturn:
        msg = f'{self.do}: "{key}" {problem}'
        raise ControlError(msg).coded(Code.INVALID, key=key)


@dataclass(frozen=True, slots=True)
class Call(ControlRequest, Generic[Args]):
    """A request whose arguments are decoded by the declaration of its verb (``args``).

    The other values are the keys of the sender, such as ``by`` and ``origin`` of a person, or
    ``device`` of a child's device. ``text`` and the other accessors read them.
    """

    args: Args = field(kw_only=True)


Answer = Mapping[str, object] | Steps[Mapping[str, object]]
"""The values of an answer, or steps that return them: the server runs one step in each turn of the loop."""

Handler = Callable[[ControlRequest], Answer]


class LineReader:
    """Splits a stream of bytes into lines. ``feed`` returns the complete ones, without their line ends.

    A line longer than ``limit`` bytes raises ControlError.
    """

    __slots__ = ("_limit", "_pending", "_scanned")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._scanned = 0  # bytes of _pending without a line end

    def feed(self, data: bytes) -> list[bytes]:
        self._pending += data
        lines: list[bytes] = []
        while (end := self._pending.find(b"\n", self._scanned)) >= 0:
            self._check(end)
            lines.append(bytes(self._pending[:end]))
            del self._pending[: end + 1]
            self._scanned = 0
        self._scanned = len(self._pending)
        self._check(self._scanned)
        return lines

    def _check(self, length: int) -> None:
        if length > self._limit:
            msg = f"a line is longer than {self._limit} bytes"
            raise ControlError(msg)


def encode(message: Mapping[str, object]) -> bytes:
    """Return a message as one line of ASCII JSON.

    Times become ISO 8601, sets sorted lists, and records objects. Raises TypeError for other objects.
    """
    return json.dumps(message, separators=(",", ":"), default=_plain).encode("ascii") + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if is_record(value):
        return values_of(value)
    msg = f"{type(value).__name__} cannot be sent in an answer"
    raise TypeError(msg)


def decode(line: bytes) -> dict[str, Any]:
    """Return the JSON object in a line of the control socket. Raises ControlError if there is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        msg = "not a line of JSON"
        raise ControlError(msg) from None
    if not isinstance(message, dict):
        msg = 'not a JSON object such as {"do": "status"}'
        raise ControlError(msg)
    return message


def parse_request(line: bytes, *, role: Role, uid: int, when_gone: WhenGone = _stays) -> ControlRequest:
    message = decode(line)
    do = message.pop("do", None)
    if not isinstance(do, str) or not do:
        msg = '"do" is missing; name a verb, as in {"do": "status"}'
        raise ControlError(msg)
    return ControlRequest(do, role, uid, message, when_gone)


def failure(error: GatewayError) -> dict[str, object]:
    """Return the answer that reports ``error`` to the client: ``ok: false``, message, code and values."""
    answer = {"ok": False, "error": " ".join(str(error).split()), "code": error.code}
    return answer | ({"values": error.values} if error.values else {})


def refusal(answer: Mapping[str, Any]) -> ControlError:
    """Return, without raising it, the error that an answer with ``ok: false`` contains."""
    code, values = answer.get("code"), answer.get("values")
    plain = values.items() if isinstance(values, dict) else ()
    return ControlError(str(answer.get("error", "refused without a reason"))).coded(
        code if isinstance(code, str) else Code.REFUSED,
        **{key: value for key, value in plain if isinstance(value, str | int)},
    )
