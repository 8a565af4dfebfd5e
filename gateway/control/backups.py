"""Transfers the plain text of a backup from and to the daemon, in pieces that fit the protocol."""

from __future__ import annotations

from typing import Any

from gateway.control.client import Client
from gateway.core.errors import ControlError


def fetch(client: Client, **who: object) -> tuple[str, list[str]]:
    """Return the text of a backup and the names of files that were left out. ``who``: `by` and `origin`."""
    answer = client.call("backup", **who)
    text, left_out = str(answer["text"]), list(answer["left_out"])
    while len(text) < answer["size"]:
        piece = str(client.call("backup", **{"from": len(text)}, **who)["text"])
        if not piece:
            msg = "backup: the daemon stopped during the transfer; try again"
            raise ControlError(msg)
        text += piece
    return text, left_out


def send(client: Client, text: str, **who: object) -> str:
    """Send the text of a backup. Return the token for the actions ``look`` and ``apply``."""
    begun: dict[str, Any] = client.call("restore", action="begin", size=len(text), **who)
    token, most = str(begun["token"]), int(begun["piece"])
    for start in range(0, len(text), most):
        piece = text[start : start + most]
        client.call("restore", action="piece", token=token, text=piece, **who)
    return token
