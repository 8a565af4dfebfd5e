"""One tree of errors. Every message is one line: what is wrong, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from gateway.core.reason_codes import Code

Values = Mapping[str, str | int]


class GatewayError(Exception):
    """Base of everything that Qalqan raises on purpose; ``str()`` is fit for a person.

    ``code`` says the same to a program, ``values`` are what the sentence has in it.
    """

    code: str = Code.REFUSED
    values: Values = MappingProxyType({})

    def coded(self, code: str, **values: str | int) -> Self:
        """The same error with its code: ``raise PolicyError(…).coded(Code.LANDED, name=name)``."""
        self.code, self.values = code, values
        return self


class WireError(GatewayError, ValueError):
    """Bytes that no correct sender produces. The only exception a parser in ``gateway.wire`` raises."""


class PolicyError(GatewayError, ValueError):
    """A rule file that cannot be used.

    ``where`` is ``file:line: key`` as far as known, ``problem`` what is wrong, ``mend`` how to put it right.
    """

    def __init__(self, where: str, problem: str, mend: str) -> None:
        super().__init__(f"{where}: {problem}; {mend}")
        self.where = where
        self.problem = problem
        self.mend = mend


class KernelError(GatewayError):
    """The kernel, nft or the queue refused something that the daemon needs."""


class ListError(GatewayError):
    """A list source that was refused; the table in force stays."""


class ControlError(GatewayError):
    """A request on the control socket that was refused, or a daemon that does not answer."""
