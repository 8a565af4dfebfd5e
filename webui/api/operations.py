"""Declares the operations of the API: path, roles, request and response types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from gateway.control.schema import Text, Whole
from gateway.policy.accounts.people import PersonRole
from gateway.policy.profile.rules import PROFILE_ID

ANYONE, GUARDIAN, HELPER, SUPPORT = "anyone", *(item.value for item in PersonRole)

MAC = r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}"
NUMBER_MOST = (1 << 31) - 1
DAY_MINUTES = 24 * 60

ChildId = Annotated[str, Text(1, 40, PROFILE_ID)]
Mac = Annotated[str, Text(17, 17, MAC)]
Host = Annotated[str, Text(1, 253, r"[A-Za-z0-9.:_-]+")]
Number = Annotated[int, Whole(1, NUMBER_MOST)]
Line = Annotated[str, Text(1, 200, r"[^\x00-\x1f\x7f-\x9f]+")]
Name = Annotated[str, Text(1, 40, r"[^\x00-\x1f\x7f-\x9f/]+")]
Minutes = Annotated[int, Whole(1, DAY_MINUTES)]

Country = Annotated[str, Text(2, 2, r"[a-z]{2}")]

# Patterns of the parameters in `{…}` of a path.
PARTS: Mapping[str, Any] = {
    "child": ChildId,
    "mac": Mac,
    "number": Number,
    "batch": Annotated[str, Text(1, 40, r"[A-Za-z0-9_-]+")],
    "way": Annotated[str, Text(1, 40, r"[a-z_]+")],
    "list": Annotated[str, Text(1, 63, r"[A-Za-z0-9_.-]+")],
    "host": Host,
    "country": Country,
    "person": Name,
    "channel": Annotated[str, Text(1, 40, r"[0-9a-f]+")],
    "session": Annotated[str, Text(1, 32, r"[0-9a-f]+")],
}


@dataclass(frozen=True, slots=True)
class NoContent:
    """Stands for the result of an operation whose response is empty, with status 204."""


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    roles: frozenset[str]
    call: Callable[..., object]
    name: str
    noun: str
    answer: type
    body: type | None = None
    query: type | None = None
    status: int = 200
    media: str = "application/json"
    # not available to tokens, which have no session or must not extend their own access
    by_session: bool = False
    proof: bool = False  # a session needs a proof of the password in the last ten minutes
    upload: int = 0  # maximum size of its file in bytes; the request is then a form

    @property
    def summary(self) -> str:
        return " ".join((self.call.__doc__ or "").split())


class Noun:
    """Collects the API's operations on one kind of resource, in the order of their declaration."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.operations: list[Operation] = []

    def declare(
        self, method: str, path: str, *roles: str, answer: type = NoContent, **more: Any
    ) -> Callable[[Callable[..., object]], Callable[..., object]]:
        """Return a decorator that adds a function as an operation of the API.

        ``path``: below ``/api/v1``. ``roles``: who may call it; none: parents only. ``answer``: the type of
        the result. ``more``: further fields of `Operation`. The function's docstring is the operation's
        summary in the OpenAPI document.
        """

        def keep(call: Callable[..., object]) -> Callable[..., object]:
            whose = frozenset(roles or (GUARDIAN,))
            status = 204 if answer is NoContent else more.pop("status", 200)
            name = f"{self.name}_{call.__name__}".rstrip("_")
            self.operations.append(
                Operation(method, path, whose, call, name, self.name, answer, status=status, **more)
            )
            return call

        return keep
