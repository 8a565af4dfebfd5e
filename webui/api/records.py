"""Records: the request and response types of operations, with little memory."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Any, NoReturn, TypeVar, dataclass_transform

from webui.api.kinds import is_needed

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(of: type[T]) -> type[T]:
    """Make a frozen dataclass with shared methods.

    There are a hundred of them, and generated methods take memory for each.
    """
    made = dataclass(init=False, repr=False, eq=False, match_args=False)(of)
    made.__init__ = _fill  # type: ignore[method-assign]
    made.__setattr__ = _keep  # type: ignore[method-assign]
    return made


def _fill(self: Any, *given: object, **named: object) -> None:
    known = fields(self)
    values = {field.name: one for field, one in zip(known, given, strict=False)} | named
    lacking = [person.name for person in known if is_needed(person) and person.name not in values]
    if lacking or len(given) > len(known) or values.keys() - {person.name for person in known}:
        msg = f"{type(self).__name__}: these are not its fields"
        raise TypeError(msg)
    self.__dict__.update(values)


def _keep(self: object, name: str, _: object) -> NoReturn:
    msg = f"{type(self).__name__}.{name} stays as it is"
    raise FrozenInstanceError(msg)
