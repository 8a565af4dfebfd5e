"""Which function answers which verb of the control socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.control.protocol import Verb


class Router:
    """Verbs by name. A feature adds its own in ``register(router)``."""

    def __init__(self) -> None:
        self._verbs: dict[str, Verb] = {}

    def add(self, name: str, verb: Verb) -> None:
        """Raises ValueError where the name is taken: two features must not answer one verb."""
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
        """A live view: what is added later is in it."""
        return self._verbs
