"""Reduces the memory of dataclasses. Import it after `process_memory.import_dataclasses_alone`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import partial
from reprlib import recursive_repr
from typing import Any, NoReturn

_standard = dataclasses.dataclass
_COMPARISON = frozenset({"order", "unsafe_hash"})  # options with further generated methods


def install_compact_dataclasses() -> None:
    """Replace ``dataclasses.dataclass``, so that all later dataclasses take less memory: 2 MB in the daemon.

    They share methods, and generate the others when they are first called. The standard decorator
    generates each method for each of 300 classes. Its setters also refer to the class as it was before
    the slots were added, so each class exists twice. Call this before our modules are imported. The
    classes behave the same, and the start is shorter.
    """
    dataclasses.dataclass = _dataclass  # type: ignore[assignment]


def _dataclass(cls: type | None = None, /, **how: Any) -> type | Callable[[type], type]:
    return partial(_make_compact, **how) if cls is None else _make_compact(cls, **how)


def _make_compact(cls: type, *, init: bool = True, repr: bool = True, eq: bool = True, **how: Any) -> type:  # noqa: A002
    own = vars(cls)
    shared_repr = repr and "__repr__" not in own
    # A class that inherits from a dataclass gets all methods now: `_generated` finds the first class only.
    alone = not any(map(is_dataclass, cls.__mro__[1:]))
    later_init = init and alone and "__init__" not in own
    later_eq = eq and alone and not {"__eq__", "__hash__"} & own.keys() and not _COMPARISON & how.keys()
    made: Any = _standard(
        **how,
        init=init and not later_init,
        repr=repr and not shared_repr,
        eq=eq and not later_eq,
    )(cls)
    if shared_repr:
        made.__repr__ = _repr
    if how.get("frozen") and how.get("slots"):
        made.__setattr__, made.__delattr__ = _refuse_to_set, _refuse_to_delete
    if later_init:
        made.__init__ = _init_later
    if later_eq:
        made.__eq__ = _eq_later
        made.__hash__ = _hash_later if how.get("frozen") else None
    compact_class: type = made
    return compact_class


def _init_later(self: Any, /, *args: Any, **kwargs: Any) -> None:
    _generated(type(self), "__init__", _init_later)(self, *args, **kwargs)


def _eq_later(self: Any, other: object, /) -> Any:
    return _generated(type(self), "__eq__", _eq_later)(self, other)


def _hash_later(self: Any, /) -> Any:
    return _generated(type(self), "__hash__", _hash_later)(self)


def _generated(cls: type, name: str, later: object) -> Callable[..., Any]:
    """Generate the method ``name``, put it in place of ``later`` in ``cls`` or its base, and return it."""
    for base in cls.__mro__:
        if vars(base).get(name) is later:
            method: Callable[..., Any] = vars(_model(base, name))[name]
            setattr(base, name, method)
            return method
    replaced: Callable[..., Any] = getattr(cls, name)  # by another thread
    return replaced


def _model(cls: Any, name: str) -> type:
    """Return a new standard dataclass with the fields of ``cls``, from which to take the method ``name``."""
    own = cls.__dataclass_fields__
    body = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__annotations__": {field.name: field.type for field in own.values()},
        **own,
    }
    if hasattr(cls, "__post_init__"):
        body["__post_init__"] = None  # the generated method calls that of its object
    frozen = cls.__dataclass_params__.frozen
    compare = name != "__init__"
    # With slots, fields outside of __init__ are set to their default there.
    slots = "__slots__" in vars(cls)
    decorate = _standard(init=not compare, repr=False, eq=compare, frozen=frozen, slots=slots)
    return decorate(type(cls.__name__, (), body))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (field for field in fields(self) if field.repr)
    values = (f"{field.name}={getattr(self, field.name)!r}" for field in shown)
    return f"{type(self).__qualname__}({', '.join(values)})"


def _refuse_to_set(_self: object, name: str, _value: object) -> NoReturn:
    msg = f"cannot assign to field {name!r}"
    raise FrozenInstanceError(msg)


def _refuse_to_delete(_self: object, name: str) -> NoReturn:
    msg = f"cannot delete field {name!r}"
    raise FrozenInstanceError(msg)
