"""Declares the verbs of the control socket: request, response, who may send them, and which are dangerous.

Each verb is declared once, in a module of ``gateway/control/contract`` that is named after its feature. The
daemon decodes requests by the declaration, the pages and the command line decode answers by it, and the
permission table (docs/developers/permissions.md) is generated from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from gateway.control.schema import Record, SchemaError, decode, record
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
OtherT = TypeVar("OtherT")


class Sender(StrEnum):
    """A kind of sender that a request type of the control socket may allow. Root may send every one."""

    PAGES = "pages"  # the web process itself, for any browser
    GUARDIAN = "guardian"  # the account in `by`
    HELPER = "helper"  # likewise, of an account with the role helper
    CHILD = "child"  # the child whose device is in `device`


# Values of ``Verb.senders``.
BY_PAGES = frozenset({Sender.PAGES})
BY_GUARDIANS = frozenset({Sender.GUARDIAN})
BY_HELPERS = frozenset({Sender.HELPER})
BY_CHILDREN = frozenset({Sender.CHILD})


class UnexpectedAnswer(ControlError):
    """Raised if the daemon's answer does not fit its declaration: daemon and client may differ in version."""


@record
class NoValues:
    """An empty record: a request without arguments, or an answer without values."""


@dataclass(frozen=True, slots=True)
class Danger(Generic[RequestT]):
    """Declares which requests of one type are dangerous changes: they need a recent proof of the password."""

    what: str  # for docs/developers/permissions.md
    needs_proof: Callable[[RequestT], bool] | None  # None: the handler decides, as it depends on the state
    by_tokens: bool = True  # an API token may do it, without a proof


@dataclass(frozen=True, slots=True)
class Verb(Generic[RequestT, ResponseT]):
    """A request type of the control socket: name, records of request and answer, and who may send it.

    ``senders`` is empty for root alone. ``danger``: None if no request of the verb is a dangerous change.
    """

    name: str
    request: type[RequestT]
    response: type[ResponseT]
    senders: frozenset[Sender] = frozenset()
    danger: Danger[RequestT] | None = None

    def returning(self, response: type[OtherT]) -> Verb[RequestT, OtherT]:
        """Return this request type with another record for its answer, for a client that reads other data."""
        return Verb(self.name, self.request, response, self.senders, self.danger)

    def decode_request(self, values: Mapping[str, Any]) -> RequestT:
        """Decode the arguments of a request to the record ``request`` of this verb.

        Ignores unknown keys; a null counts as missing. Raises ControlError for a missing or wrong value.
        """
        keys = Record(self.request).keys
        try:
            return decode(self.request, {key: values[key] for key in keys if values.get(key) is not None})
        except SchemaError as error:
            key = error.pointer.strip("/").partition("/")[0]
            problem = "is missing" if error.missing else f"must be {error.expected}"
            msg = f'{self.name}: "{key}" {problem}'
            raise ControlError(msg).coded(Code.INVALID, key=key) from None

    def decode_response(self, values: Mapping[str, Any]) -> ResponseT:
        """Decode the daemon's answer to the record ``response`` of this verb. Ignores unknown keys.

        Raises UnexpectedAnswer if it does not fit.
        """
        try:
            return decode(self.response, values, strict=False)
        except SchemaError as error:
            wrong = f"the daemon's answer to {self.name!r} has an unexpected {error.pointer!r}"
            msg = f"{wrong}; restart both after an update"
            raise UnexpectedAnswer(msg) from None
