"""Our classes and functions as the daemon keeps them: without what is never called there, 1.5 MB."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable
from functools import partial
from reprlib import recursive_repr
from types import FunctionType
from typing import Any, NoReturn

_OURS = "gateway."


@recursive_repr()
def _shown(self: Any) -> str:
    said = (f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(said)})"


def _refuse_to_set(_self: object, name: str, _value: object) -> NoReturn:
    msg = f"cannot assign to field {name!r}"
    raise dataclasses.FrozenInstanceError(msg)


def _refuse_to_delete(_self: object, name: str) -> NoReturn:
    msg = f"cannot delete field {name!r}"
    raise dataclasses.FrozenInstanceError(msg)


def lean_dataclasses() -> None:
    """From now on all dataclasses have one `__repr__` between them, and all frozen ones with slots one way to
    refuse a change, in place of code of their own for each of 160.

    With them goes a second copy of each class, for what refuses holds the class as it was before it got its
    slots. Call it before our modules are imported; all behaves as before, and the start is shorter.
    """
    make = dataclasses.dataclass

    def lean(cls: type, *, repr: bool = True, **how: Any) -> type:  # noqa: A002
        one_for_all = repr and "__repr__" not in vars(cls)
        made: Any = make(**how, repr=False)(cls)
        if one_for_all:
            made.__repr__ = _shown
        if how.get("frozen") and how.get("slots"):
            made.__setattr__, made.__delattr__ = _refuse_to_set, _refuse_to_delete
        kept: type = made
        return kept

    def dataclass(cls: type | None = None, /, **how: Any) -> type | Callable[[type], type]:
        return partial(lean, **how) if cls is None else lean(cls, **how)

    dataclasses.dataclass = dataclass  # type: ignore[assignment]


def forget_annotations() -> None:
    """Of our functions: type checkers read them in the source. For the end of the imports."""
    for one in gc.get_objects():
        if type(one) is FunctionType and (one.__module__ or "").startswith(_OURS):
            del one.__annotations__
