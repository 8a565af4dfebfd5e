"""Imports libraries of the pages without their unused parts: 9 MB of memory.

Flask brings Werkzeug's development server (which can speak TLS), its test client and click; waitress serves
the pages. segno's writers bring urllib.request and http.client; webui/charts/qr.py draws the modules.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

_UNUSED = {
    "flask": ("werkzeug.serving", "werkzeug.test", "click", "click.core", "flask.cli"),
    "segno": ("segno.writers",),
}


class _Nothing:
    """Stands for what a library takes from its unused modules at its import: a class, a function."""

    commands: tuple[()] = ()

    def __init__(self, *_: object, **__: object) -> None:
        self.name = ""


class _Unused(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


def import_without_unused_modules() -> None:
    """Import Flask and segno without those of their modules that the pages do not use.

    Call it before anything else imports them: a library that is already imported stays as it is. A later
    import of an unused module loads the real one.
    """
    for library, unused in _UNUSED.items():
        packages = {library, *(name.partition(".")[0] for name in unused)}
        if not packages & sys.modules.keys():
            _import_without(library, unused, packages)


def _import_without(library: str, unused: tuple[str, ...], packages: set[str]) -> None:
    for name in unused:
        sys.modules[name] = _Unused(name)
    try:
        import_module(library)
    except (ImportError, AttributeError, TypeError):
        # Another version needs more of them: the next import loads everything.
        for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
            del sys.modules[name]
        return
    for name in unused:
        del sys.modules[name]
