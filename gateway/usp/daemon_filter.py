"""Gives the agent access to the filter: sends requests to the daemon over its control socket."""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from gateway.control.client import Client
from gateway.control.contract.health import SUPPORT_REPORT
from gateway.control.contract.time import OFF, ON
from gateway.control.schema import to_json
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.usp.agent import Denied
from gateway.usp.messages import ErrorCode
from gateway.usp.settings import UspSettings
from gateway.usp.values import FILTER_STATE, stopped_values, values_of

FRESH = 2.0  # seconds for which a state is used again: the broker reads a tree in several requests
PROVIDER = "provider"  # the author of a change, in the list of changes
LONGEST_OFF = 24 * 60  # minutes; the daemon ends it earlier, with the approval
PATIENCE = 20.0  # seconds for the check that a report begins; obuspa waits 30 s for an answer
EVERY = 0.5
GZIP = 16 + zlib.MAX_WBITS  # zlib's code for the format of gzip


class DaemonFilter:
    """Reads the filter's values, turns filtering on or off, and returns the support file, for the USP agent.

    It uses the daemon's control socket (``client``). Values are cached for FRESH seconds.
    ``clock``: returns seconds of a monotonic clock. ``pause``: sleeps for some seconds. `switch`
    and `support_file` raise Denied if the daemon refuses or does not respond; `values` then returns
    the status Stopped.
    """

    def __init__(
        self,
        client: Client,
        settings: UspSettings,
        clock: Callable[[], float],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._values: Mapping[str, str] = {}
        self._read_at = float("-inf")

    def values(self) -> Mapping[str, str]:
        now = self._clock()
        if now - self._read_at >= FRESH:
            try:
                self._values = values_of(self._client.ask(FILTER_STATE), self._settings)
            except ControlError:
                self._values = stopped_values(self._settings)
            self._read_at = self._clock()
        return self._values

    def switch(self, on: bool) -> None:
        if on:
            self._change(ON)
        else:
            self._change(OFF, minutes=LONGEST_OFF)
        self._read_at = float("-inf")

    def support_file(self) -> str:
        end = self._clock() + PATIENCE
        while True:
            try:
                report = self._client.ask(SUPPORT_REPORT, by=PROVIDER)
                break
            except ControlError as error:
                if error.code != Code.BUSY:  # busy: the check still runs
                    raise _denied(error) from error
                if self._clock() >= end:
                    problem = "the gateway is being checked; try again in a minute"
                    raise Denied(ErrorCode.COMMAND_FAILURE, problem) from error
            self._pause(EVERY)
        text = json.dumps(to_json(report), ensure_ascii=False).encode()
        packer = zlib.compressobj(wbits=GZIP)
        return base64.b64encode(packer.compress(text) + packer.flush()).decode()

    def _change(self, verb: Verb[Any, Any], **values: object) -> Any:
        """Send a request to the daemon in the provider's name, and return the result.

        Raises Denied if the daemon refuses it, or does not respond.
        """
        try:
            return self._client.ask(verb, by=PROVIDER, **values)
        except ControlError as error:
            raise _denied(error) from error


def _denied(error: ControlError) -> Denied:
    refused = error.code == Code.NOT_APPROVED
    return Denied(ErrorCode.PERMISSION_DENIED if refused else ErrorCode.INTERNAL_ERROR, str(error))
