"""The exceptions of Qalqan. Every message is one line: where, what is wrong, and how to fix it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from gateway.core.reason_codes import Code

Values = Mapping[str, str | int]


class GatewayError(Exception):
    """Base of the exceptions of Qalqan with a message for users, which ``str()`` returns.

    ``code`` is the machine-readable reason (`Code`); ``values`` are the variable parts of the
    message.
    """

    code: str = Code.REFUSED
    values: Values = MappingProxyType({})

    def coded(self, code: str, **values: str | int) -> Self:
        """Set the error's machine-readable code and values, and return the error itself.

        For an error whose message says more than the sentence of its code, such as a file and line.
        Others: ``ControlError.of``.
        """
        self.code, self.values = code, values
        return self


class WireError(GatewayError, ValueError):
    """Raised for network data that no correct sender produces.

    Parsers in ``gateway.wire`` raise no other error.
    """


class PolicyError(GatewayError, ValueError):
    """Raised for an invalid rule file or setting.

    ``where`` is ``file:line: key`` as far as known, ``problem`` what is wrong, ``fix`` how to correct it.
    """

    def __init__(self, where: str, problem: str, fix: str) -> None:
        super().__init__(f"{where}: {problem}; {fix}")
        self.where = where
        self.problem = problem
        self.fix = fix


class KernelError(GatewayError):
    """Raised if the kernel, nft or the packet queue refuses an operation that the daemon needs."""


class ListError(GatewayError):
    """Raised for a list of sites, a table or other data that cannot be used, downloaded or written.

    What was in use before stays in use.
    """


class ControlError(GatewayError):
    """Raised if a request is refused, as on the control socket, or the daemon does not respond."""

    @classmethod
    def of(cls, code: Code, **values: str | int) -> Self:
        """Return the error with this code. Its message is the code's sentence with these values.

        Example: ``raise ControlError.of(Code.LANDED, name=name)``.
        """
        return cls(code.sentence % values).coded(code, **values)
