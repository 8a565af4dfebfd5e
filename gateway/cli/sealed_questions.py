"""Asks the daemon about sealed sets, which only the daemon reads, for commands that use files."""

from __future__ import annotations

from gateway.cli.settings import control_socket
from gateway.control.client import Client
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.config.config import Config

PATIENCE = 1.0  # seconds for the daemon's answer


class SealedAsked:
    """Asks the daemon whether a name is blocked for everyone, within the daemon's rate limit.

    Without a running daemon, no name is. Without a sealed list in the configuration, nothing is asked.
    """

    def __init__(self, config: Config) -> None:
        self._client = Client(control_socket(config), PATIENCE) if config.sealed else None

    def __call__(self, host: str) -> bool:
        """Return whether ``host`` is blocked for everyone. Raises ControlError above the rate limit."""
        if self._client is None:
            return False
        try:
            return self._client.call("list_lookup", host=host)["refused_for_everyone"] is True
        except ControlError as error:
            if error.code == Code.ASK_LATER:
                raise
            self._client = None
            return False
