"""What commands that work by the files know of sealed sets, which the daemon alone reads: what it answers."""

from __future__ import annotations

from gateway.codes import Code
from gateway.commands.settings import control_socket
from gateway.control.client import Client
from gateway.errors import ControlError
from gateway.policy.config import Config

PATIENCE = 1.0  # seconds for the daemon's answer


class SealedAsked:
    """Whether a name is refused for everyone, by the daemon's word and within its bound. Where none runs, or
    where it answers no more, no name is; nothing is asked where the home has no sealed set.
    """

    def __init__(self, config: Config) -> None:
        self._client = Client(control_socket(config), PATIENCE) if config.sealed else None
        self._refusal: ControlError | None = None

    def __call__(self, host: str) -> bool:
        if self._client is None or self._refusal is not None:
            return False
        try:
            return self._client.call("list_lookup", host=host)["refused_for_everyone"] is True
        except ControlError as error:
            self._refusal = error
            return False

    def check(self) -> None:
        """Raises ControlError where too much was asked within a minute."""
        if self._refusal is not None and self._refusal.code == Code.ASK_LATER:
            raise self._refusal
