"""The exceptions of Qalqan. Every message is one line: where, what is wrong, and how to fix it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from gateway.core.reason_codes import Code

Values = Mapping[str, str | int]


class GatewayError(Exception):
    """Base of all exceptions that Qalqan raises on purpose. ``str()`` is a message for users.

    ``code`` is the machine-readable reason; ``values`` are the variable parts of the message.
    """

    code: str = Code.REFUSED
    values: Values = MappingProxyType({})

    def coded(self, code: str, **values: str | int) -> Self:
        """Set the reason code and return self: ``raise PolicyError(…).coded(Code.LANDED, name=name)``."""
        self.code, self.values = code, values
        return self


class WireError(GatewayError, ValueError):
    """Bytes that no correct sender produces. The only exception that parsers in ``gateway.wire`` raise."""


class PolicyError(GatewayError, ValueError):
    """An invalid rule file or setting.

    ``where`` is ``file:line: key`` as far as known, ``problem`` what is wrong, ``fix`` how to correct it.
    """

    def __init__(self, where: str, problem: str, fix: str) -> None:
        super().__init__(f"{where}: {problem}; {fix}")
        self.where = where
        self.problem = problem
        self.fix = fix


class KernelError(GatewayError):
    """The kernel, nft or the packet queue refused an operation that the daemon needs."""


class ListError(GatewayError):
    """A list source was rejected; the current table stays in use."""


class ControlError(GatewayError):
    """A request on the control socket was refused, or the daemon does not respond."""
