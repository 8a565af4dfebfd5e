"""Reads values of the daemon's answers by key and type.

During an update, the daemon and the pages may have different versions for a moment. A missing key gets a
default. A value of another shape raises ControlError, which is shown as a page with one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from gateway.control.schema import SchemaError, decode
from gateway.core.errors import ControlError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
Read = TypeVar("Read", bound="DataclassInstance")


class Answer:
    """A mapping of a daemon's answer, read by key and type."""

    __slots__ = ("_values",)

    def __init__(self, values: object) -> None:
        if not isinstance(values, Mapping):
            refuse_shape("an entry")
        self._values: Mapping[str, Any] = values

    @property
    def values(self) -> Mapping[str, Any]:
        return self._values

    def text(self, key: str, default: str = "") -> str:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            refuse_shape(key)
        return value

    def whole(self, key: str, default: int = 0) -> int:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, int):
            refuse_shape(key)
        return value

    def flag(self, key: str) -> bool:
        return self._values.get(key) is True

    def moment(self, key: str) -> datetime | None:
        """Return an aware time, or None."""
        text = self.text(key)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            refuse_shape(key)
        if moment.tzinfo is None:
            refuse_shape(key)
        return moment

    def day(self, key: str) -> date | None:
        text = self.text(key)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            refuse_shape(key)

    def read(self, kind: type[Read], **given: object) -> Read:
        """Return a dataclass whose fields are read from the keys of the same names.

        ``given``: the other fields.
        """
        for name, reader in _readers_of(kind):
            if name not in given:
                given[name] = _READERS[reader](self, name)
        return kind(**given)

    def entry(self, key: str) -> Answer | None:
        value = self._values.get(key)
        return None if value is None else Answer(value)

    def record(self, key: str, kind: type[T]) -> T | None:
        """Return a record of the control socket's contract."""
        value = self._values.get(key)
        return None if value is None else _record(key, kind, value)

    def records(self, key: str, kind: type[T]) -> tuple[T, ...]:
        return tuple(_record(key, kind, entry.values) for entry in self.entries(key))

    def entries(self, key: str) -> list[Answer]:
        value = self._values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            refuse_shape(key)
        return [Answer(item) for item in value]

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            refuse_shape(key)
        return tuple(value)


_READERS: Mapping[str, Callable[[Answer, str], object]] = {
    "str": Answer.text,
    "int": Answer.whole,
    "bool": Answer.flag,
    "datetime | None": Answer.moment,
    "date | None": Answer.day,
    "tuple[str, ...]": Answer.texts,
}


@cache
def _readers_of(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """Cached, because a catalogue has some seven hundred entries of a few types."""
    return tuple((field.name, str(field.type)) for field in fields(kind))


def _record(key: str, kind: type[T], value: object) -> T:
    try:
        return decode(kind, value, strict=False)
    except SchemaError as error:
        refuse_shape(f"{key}{error.pointer}")


def refuse_shape(key: str) -> NoReturn:
    msg = f"the daemon's answer has an unexpected {key!r}; restart both after an update"
    raise ControlError(msg) from None
