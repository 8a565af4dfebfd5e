"""Records of the control socket and of the API. An annotation gives the decoder and the JSON Schema. Pure.

Declare a record as a class with ``@record``. An annotation of a field is one of ``str int float bool bytes``,
a ``StrEnum``, ``Literal["a", "b"]``, an aware ``datetime``, a ``date``, a record, ``tuple[X, ...]``,
``Mapping[str, X]``, ``Any``, each with ``| None`` if it may be null, and with limits by
``Annotated[str, Text(…)]``. A field name that ends in ``_`` loses it in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    Protocol,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

TEXT_MOST = 300  # characters of one value; the same limit as on the control socket
MANY_MOST = 256  # entries of a list or a mapping in a request
# Of a time or date: the year exists with any offset and any span in use. JSON Schema has no limits for dates.
YEARS = range(1970, 9000)
YEARS_PATTERN = "^(19[7-9]|[2-8][0-9]{2})[0-9]-"

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Text:
    least: int = 1
    most: int = TEXT_MOST
    pattern: str = ""  # of the whole text, in the common syntax of ECMA 262 and Python
    one_line: bool = False  # printable; spaces around it are removed


@dataclass(frozen=True, slots=True)
class Whole:
    least: int
    most: int


OneLine = Annotated[str, Text(one_line=True)]


class SchemaError(ValueError):
    """Raised if the JSON value at ``pointer`` (RFC 6901) is not ``expected``, or is ``missing``.

    ``expected``: a phrase such as "a whole number".
    """

    def __init__(self, pointer: str, expected: str, *, missing: bool = False) -> None:
        self.pointer, self.expected, self.missing = pointer, expected, missing
        super().__init__(f"{pointer or '/'}: {expected}")


class Schemas(Protocol):
    def ref(self, record: type) -> Json:
        """Return a JSON Schema reference (``$ref``) to the schema of a record."""


class FieldType(Protocol):
    """Decodes the JSON values of one annotation of a record's field, and returns its JSON Schema.

    ``read`` returns the decoded value or raises SchemaError with the JSON pointer ``at``; ``strict``
    applies limits. ``empty`` replaces a value that another daemon version omits.
    """

    @property
    def empty(self) -> object: ...
    def schema(self, names: Schemas, /) -> Json: ...
    def read(self, value: object, at: str, strict: bool, /) -> object: ...


@dataclass(frozen=True, slots=True)
class JsonScalar:
    """Decoder for text, a number, a boolean or bytes, and its JSON Schema.

    ``limits`` are for the schema; ``fits`` checks them if decoding is ``strict``.
    """

    json_type: str
    python_types: tuple[type, ...]
    empty: object
    limits: tuple[tuple[str, Any], ...] = ()
    fits: Callable[[Any], bool] = lambda _: True
    one_line: bool = False

    def schema(self, _: Schemas, /) -> Json:
        return {"type": self.json_type, **dict(self.limits)}

    def read(self, value: object, at: str, strict: bool, /) -> object:
        if self.json_type == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)  # 1.0 is an integer to JSON Schema
        if strict and self.one_line and isinstance(value, str):
            value = value.strip()
        known = isinstance(value, self.python_types) and (
            bool in self.python_types or not isinstance(value, bool)
        )
        if not known or (strict and not self.fits(value)):
            raise SchemaError(at, self._expected())
        return value

    def _expected(self) -> str:
        limits = dict(self.limits)
        match self.json_type:
            case "integer" if limits:
                return f"a whole number from {limits['minimum']} to {limits['maximum']}"
            case "integer":
                return "a whole number"
            case "boolean":
                return "true or false"
            case "number":
                return "a number"
        if not limits:
            return "text"
        if self.one_line:
            return f"one printable line of at most {limits['maxLength']} characters"
        text = f"text of {limits['minLength']} to {limits['maxLength']} characters"
        return f"{text} that matches {limits['pattern']}" if "pattern" in limits else text


@dataclass(frozen=True, slots=True)
class Time:
    """Decoder for a time with its UTC offset, or a date (``day``), in ISO 8601, of the years in YEARS."""

    day: bool
    empty: object = None

    def schema(self, _: Schemas, /) -> Json:
        return {"type": "string", "format": "date" if self.day else "date-time", "pattern": YEARS_PATTERN}

    def read(self, value: object, at: str, _: bool, /) -> object:
        expected = "a date such as 2026-11-24" if self.day else "a time such as 2026-11-24T20:45:00+05:00"
        try:
            if not isinstance(value, str):
                raise ValueError
            found = date.fromisoformat(value) if self.day else datetime.fromisoformat(value)
            if found.year not in YEARS:
                raise ValueError
        except ValueError:
            raise SchemaError(at, expected) from None
        if isinstance(found, datetime) and found.tzinfo is None:
            raise SchemaError(at, f"{expected}, with its offset")
        return found


@dataclass(frozen=True, slots=True)
class Choice:
    among: tuple[str, ...]
    made: Callable[[str], object] = str  # the member of an enumeration
    empty: object = None

    def schema(self, _: Schemas, /) -> Json:
        return {"type": "string", "enum": list(self.among)}

    def read(self, value: object, at: str, _: bool, /) -> object:
        if not isinstance(value, str) or value not in self.among:
            raise SchemaError(at, f"one of {', '.join(self.among)}")
        return self.made(value)


@dataclass(frozen=True, slots=True)
class Anything:
    empty: object = None

    def schema(self, _: Schemas, /) -> Json:
        return {}

    def read(self, value: object, _at: str, _: bool, /) -> object:
        return value


@dataclass(frozen=True, slots=True)
class Maybe:
    inner: FieldType
    empty: object = None

    def schema(self, names: Schemas, /) -> Json:
        inner = self.inner.schema(names)
        if "enum" in inner:
            return {"type": ["string", "null"], "enum": [*inner["enum"], None]}
        if isinstance(inner.get("type"), str):
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}

    def read(self, value: object, at: str, strict: bool, /) -> object:
        return None if value is None else self.inner.read(value, at, strict)


@dataclass(frozen=True, slots=True)
class Several:
    inner: FieldType
    empty: object = ()

    def schema(self, names: Schemas, /) -> Json:
        return {"type": "array", "items": self.inner.schema(names)}

    def read(self, value: object, at: str, strict: bool, /) -> object:
        if not isinstance(value, list | tuple) or (strict and len(value) > MANY_MOST):
            raise SchemaError(at, f"a list of at most {MANY_MOST}")
        return tuple(self.inner.read(item, f"{at}/{n}", strict) for n, item in enumerate(value))


@dataclass(frozen=True, slots=True)
class Table:
    inner: FieldType
    empty: object = None

    def schema(self, names: Schemas, /) -> Json:
        return {"type": "object", "additionalProperties": self.inner.schema(names)}

    def read(self, value: object, at: str, strict: bool, /) -> object:
        if not isinstance(value, Mapping) or (strict and len(value) > MANY_MOST):
            raise SchemaError(at, f"a mapping of at most {MANY_MOST}")
        return {
            str(key): self.inner.read(item, f"{at}/{escaped(str(key))}", strict)
            for key, item in value.items()
        }


@dataclass(frozen=True, slots=True)
class Record:
    of: type
    empty: object = None

    @property
    def keys(self) -> frozenset[str]:
        """Return the names of the record's fields as they are in JSON."""
        return frozenset(name_of(field) for field in fields(self.of))

    def schema(self, names: Schemas, /) -> Json:
        return names.ref(self.of)

    def read(self, value: object, at: str, strict: bool, /) -> object:
        if not isinstance(value, Mapping):
            raise SchemaError(at, "an object")
        known = _readers(self.of)
        if strict and (unknown := sorted(str(key) for key in value if key not in known)):
            pointer = f"{at}/{escaped(unknown[0])}"
            raise SchemaError(pointer, "no such field")
        found: dict[str, object] = {}
        for name, (attribute, kind, needed) in known.items():
            given = value.get(name)
            if given is not None or (strict and name in value):
                found[attribute] = kind.read(given, f"{at}/{name}", strict)
            elif needed:
                if strict or (kind.empty is None and not isinstance(kind, Maybe | Anything)):
                    where = f"{at}/{name}"
                    raise SchemaError(where, "needed", missing=True)
                found[attribute] = kind.empty
        return self.of(**found)


@cache
def _readers(of: type) -> dict[str, tuple[str, FieldType, bool]]:
    """Return a record's fields by their names in JSON: attribute, decoder, and whether it has no default.

    Cached, because every page reads a status, which has hundreds of records.
    """
    types = field_types(of)
    return {name_of(field): (field.name, types[field.name], is_needed(field)) for field in fields(of)}


def decode(kind: type[T], value: object, *, strict: bool = True) -> T:
    """Decode a JSON object to a record of class ``kind``. Raises SchemaError if it does not fit.

    ``strict``: limits apply, unknown keys are refused, missing keys too unless they have a default.
    Without it, unknown keys are ignored, null counts as missing, and a missing text, number, boolean or list
    is empty: the other side may have another version during an update. A missing time, choice, mapping or
    record without a default is an error then too, unless it may be null.
    """
    return Record(kind).read(value, "", strict)  # type: ignore[return-value]


def name_of(field: Field[Any]) -> str:
    return field.name.removesuffix("_")


def is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


@dataclass_transform(frozen_default=True)
def record(of: type[T]) -> type[T]:
    """Class decorator: make an immutable dataclass that shares its methods with all other records.

    Generated methods would take memory for each of some four hundred record classes.
    """
    made = dataclass(init=False, repr=False, eq=False, match_args=False)(of)
    made.__init__ = _fill  # type: ignore[method-assign]
    made.__setattr__ = _keep  # type: ignore[method-assign]
    return made


def _fill(self: Any, *given: object, **named: object) -> None:
    kind: type = type(self)
    known, needed = _layout(kind)
    values = dict(zip(known, given, strict=False)) | named if given else named
    if len(given) > len(known) or not needed <= values.keys() <= known.keys():
        msg = f"{type(self).__name__}: missing or unknown fields"
        raise TypeError(msg)
    self.__dict__.update(values)


@cache
def _layout(of: type) -> tuple[dict[str, None], frozenset[str]]:
    """Return the names of a record's fields: all, in order, and the set of those without a default.

    Cached, because a status of many children has hundreds of records.
    """
    known = fields(of)
    return dict.fromkeys(field.name for field in known), frozenset(
        field.name for field in known if is_needed(field)
    )


def is_record(value: object) -> bool:
    return getattr(type(value), "__init__", None) is _fill


def values_of(made: object) -> Json:
    """Return the fields of a record as a dictionary, by their names in JSON. Nested records stay records.

    A field that was not given to the constructor is left out: its default applies on both sides.
    """
    return {name.removesuffix("_"): value for name, value in vars(made).items()}


def _keep(self: object, name: str, _: object) -> NoReturn:
    msg = f"{type(self).__name__}.{name} cannot be set"
    raise FrozenInstanceError(msg)


@cache
def field_types(record: type) -> Mapping[str, FieldType]:
    return {name: type_of(hint) for name, hint in get_type_hints(record, include_extras=True).items()}


def type_of(annotation: Any) -> FieldType:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _limited(inside[0], inside[1])
    if origin in (UnionType, Union):
        (inner,) = [item for item in inside if item is not NoneType]
        return Maybe(type_of(inner))
    if origin is Literal:
        return Choice(tuple(inside))
    if origin is tuple:
        return Several(type_of(inside[0]))
    if origin is not None and issubclass(origin, Mapping):
        return Table(type_of(inside[1]))
    return _plain(annotation)


def _plain(annotation: Any) -> FieldType:
    if annotation is Any:
        return Anything()
    if is_dataclass(annotation) and isinstance(annotation, type):
        return Record(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Choice(tuple(str(item.value) for item in annotation), annotation)
    simple: Mapping[object, FieldType] = {
        str: JsonScalar("string", (str,), ""),
        int: JsonScalar("integer", (int,), 0),
        float: JsonScalar("number", (int, float), 0.0),
        bool: JsonScalar("boolean", (bool,), False),
        bytes: JsonScalar("string", (bytes,), b"", (("format", "binary"),)),
        datetime: Time(day=False),
        date: Time(day=True),
    }
    return simple[annotation]


def _limited(base: object, limit: Text | Whole) -> FieldType:
    if isinstance(limit, Whole):
        within = range(limit.least, limit.most + 1)
        numbers = (("minimum", limit.least), ("maximum", limit.most))
        return JsonScalar("integer", (int,), 0, numbers, lambda value: value in within)
    assert base is str
    form = re.compile(limit.pattern) if limit.pattern else None
    shown = (("minLength", limit.least), ("maxLength", limit.most))
    pattern = (("pattern", f"^(?:{limit.pattern})$"),) if limit.pattern else ()

    def fits(value: str) -> bool:
        if limit.one_line and not value.isprintable():
            return False
        return limit.least <= len(value) <= limit.most and (form is None or bool(form.fullmatch(value)))

    return JsonScalar("string", (str,), "", (*shown, *pattern), fits, limit.one_line)


def to_json(value: object) -> object:
    """Convert a record, time, list, mapping or simple value to values that json.dumps accepts."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name_of(field): to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return value
