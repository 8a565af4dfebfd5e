"""One tree of errors. Every message is one line: what is wrong, where, and how to mend it."""

from __future__ import annotations


class GatewayError(Exception):
    """Base of everything that Qalqan raises on purpose; ``str()`` is fit for a person."""


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
