"""The verbs of the control socket and their functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.control.protocol import Verb


class Router:
    """Verbs by name. A feature adds its own in ``register(router)``."""

    def __init__(self) -> None:
        self._verbs: dict[str, Verb] = {}

    def add(self, name: str, verb: Verb) -> None:
        """Add a verb. Raises ValueError if the name is taken: only one feature may have a verb."""
        if name in self._verbs:
            msg = f"the verb {name!r} is registered twice"
            raise ValueError(msg)
        self._verbs[name] = verb

    def wrap(self, names: frozenset[str], wrapper: Callable[[str, Verb], Verb]) -> None:
        """Replace each of these verbs by ``wrapper(name, verb)``."""
        for name in names & self._verbs.keys():
            self._verbs[name] = wrapper(name, self._verbs[name])

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return a live view of all verbs."""
        return self._verbs
