"""The questions of `qalqan setup`: one line each, the default in brackets. Works over SSH and with a pipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.cli import output
from gateway.core.errors import GatewayError
from gateway.setup.facts import SetupError

T = TypeVar("T")
YES, NO = frozenset({"y", "yes"}), frozenset({"n", "no"})


class Asker:
    """Asks on the console. With ``yes`` it asks nothing and returns the defaults."""

    def __init__(self, *, yes: bool) -> None:
        self.yes = yes

    def line(self, question: str, default: str, read: Callable[[str], T]) -> T:
        """Ask until ``read`` accepts the answer. ``read`` raises GatewayError for an invalid answer; with
        ``yes`` this error propagates.
        """
        if self.yes:
            return read(default)
        while True:
            typed = self._typed(f"{question} [{default}] " if default else f"{question} ")
            try:
                return read(typed or default)
            except GatewayError as error:
                print(f"  {output.clean(error)}")

    def agrees(self, question: str, *, default: bool) -> bool:
        """Ask a yes-or-no question."""
        if self.yes:
            return default
        while True:
            typed = self._typed(f"{question} {'[Y/n]' if default else '[y/N]'} ").lower()
            if not typed:
                return default
            if typed in YES | NO:
                return typed in YES
            print("  Answer y or n.")

    @staticmethod
    def _typed(prompt: str) -> str:
        try:
            return input(prompt).strip()
        except EOFError:
            print()
            msg = "no input to answer the question; use options and --yes; nothing was changed"
            raise SetupError(msg) from None
        except KeyboardInterrupt:
            print("\nNothing was changed.")
            raise
