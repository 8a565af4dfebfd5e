"""What commands that work by the files know of sealed sets, which the daemon alone reads: what it answers."""

from __future__ import annotations

from gateway.cli.settings import control_socket
from gateway.control.client import Client
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.config.config import Config

PATIENCE = 1.0  # seconds for the daemon's answer


class SealedAsked:
    """Whether a name is refused for everyone, by the daemon's word and within its bound. Where none runs, no
    name is; nothing is asked where the home has no sealed set.
    """

    def __init__(self, config: Config) -> None:
        self._client = Client(control_socket(config), PATIENCE) if config.sealed else None

    def __call__(self, host: str) -> bool:
        """Raises ControlError where too much was asked within a minute: that a name is open is not known."""
        if self._client is None:
            return False
        try:
            return self._client.call("list_lookup", host=host)["refused_for_everyone"] is True
        except ControlError as error:
            if error.code == Code.ASK_LATER:
                raise
            self._client = None
            return False
