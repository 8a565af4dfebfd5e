"""Keys without Enter, from a terminal."""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import Iterator

_END_OF_INPUT = "\x04"


class Keyboard:
    """A context manager: the terminal gives single keys inside, and is as before afterwards."""

    def __init__(self) -> None:
        self._before = termios.tcgetattr(sys.stdin)

    def __enter__(self) -> Keyboard:
        tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def pressed(self) -> Iterator[str]:
        """Lower-case keys, until the terminal goes away."""
        while pressed := os.read(sys.stdin.fileno(), 1).decode(errors="replace").lower():
            if pressed == _END_OF_INPUT:
                return
            if pressed.strip():
                yield pressed

    def ask(self, question: str) -> str:
        """One whole line."""
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
        try:
            return input(question)
        except EOFError:
            return ""
        finally:
            tty.setcbreak(sys.stdin)
