"""Flask without what serves, tests and types commands for it: waitress serves the pages.

It is 5 MB, of which 2 are OpenSSL (werkzeug's own server can speak TLS). Who asks for one of these modules
afterwards gets the real one.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

_UNUSED = ("werkzeug.serving", "werkzeug.test", "click", "click.core", "flask.cli")


class _Nothing:
    """Stands where Flask keeps something that it never calls here: an empty group of commands, a server."""

    commands: tuple[()] = ()

    def __init__(self, *_: object, **__: object) -> None:
        self.name = ""


class _Unused(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


def flask_alone() -> None:
    """Import Flask. Call it before anything else does; afterwards it does nothing."""
    if "flask" in sys.modules or "werkzeug" in sys.modules or "click" in sys.modules:
        return
    for name in _UNUSED:
        sys.modules[name] = _Unused(name)
    try:
        import_module("flask")
    except (
        ImportError,
        AttributeError,
        TypeError,
    ):  # another Flask, which needs more of them: all of it then
        for name in [one for one in sys.modules if one.partition(".")[0] in {"flask", "werkzeug", "click"}]:
            del sys.modules[name]
        return
    for name in _UNUSED:
        del sys.modules[name]
