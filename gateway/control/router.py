"""Maps the verbs of the control socket to their handlers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import wraps
from typing import Any, TypeVar

from gateway.control.protocol import Answer, Call, ControlRequest, Handler
from gateway.control.schema import values_of
from gateway.control.verbs import Verb
from gateway.core.turns import Steps

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


def _values(steps: Steps[Any]) -> Steps[Mapping[str, object]]:
    return values_of((yield from steps))


class Router:
    """Maps each verb (request type of the control socket) to its handler.

    A feature of the gateway adds its own in ``register(router)``.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def serve(
        self,
        verb: Verb[RequestT, ResponseT],
        handler: Callable[[Call[RequestT]], ResponseT | Steps[ResponseT]],
    ) -> None:
        """Set the handler of a verb (request type). It is called with the request, decoded in ``call.args``.

        It returns the response record, or a generator that returns it after several steps. Raises
        ValueError if the verb has a handler: only one feature may serve it.
        """
        if verb.name in self._handlers:
            msg = f"the verb {verb.name!r} is registered twice"
            raise ValueError(msg)

        @wraps(handler)
        def perform(request: ControlRequest) -> Answer:
            args = verb.decode_request(request.values)
            call = Call(request.do, request.role, request.uid, request.values, request.when_gone, args=args)
            response = handler(call)
            return _values(response) if isinstance(response, Generator) else values_of(response)

        self._handlers[verb.name] = perform

    def wrap(self, names: frozenset[str], wrapper: Callable[[str, Handler], Handler]) -> None:
        """Replace the handlers of these verbs (request types) by ``wrapper(name, handler)``, to add checks.

        Names without a handler are ignored.
        """
        for name in names & self._handlers.keys():
            self._handlers[name] = wrapper(name, self._handlers[name])

    @property
    def verbs(self) -> Mapping[str, Handler]:
        """Return a live view of all handlers, by the name of their verb (request type).

        They take undecoded requests.
        """
        return self._handlers
