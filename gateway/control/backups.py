"""Transfers the plain text of a backup from and to the daemon, in pieces that fit the protocol."""

from __future__ import annotations

from gateway.control.client import Client
from gateway.control.contract.backup import BACKUP, RESTORE, RESTORE_BEGIN
from gateway.core.errors import ControlError


def fetch(client: Client, **who: object) -> tuple[str, tuple[str, ...]]:
    """Make the daemon create a backup; return its plain text, and the names of files that were left out.

    ``who``: the author's keys, such as `by` and `origin`. Raises ControlError if the daemon refuses
    or stops.
    """
    first = client.ask(BACKUP, **who)
    text = first.text
    while len(text) < first.size:
        piece = client.ask(BACKUP, **{"from": len(text)}, **who).text
        if not piece:
            msg = "backup: the daemon stopped during the transfer; try again"
            raise ControlError(msg)
        text += piece
    return text, first.left_out


def send(client: Client, text: str, **who: object) -> str:
    """Send the plain text of a backup to the daemon, which restores nothing yet.

    Return the token for `restore`'s ``look`` and ``apply``. ``who``: the author's keys, such as
    `by` and `origin`. Raises ControlError if the daemon refuses.
    """
    begun = client.ask(RESTORE_BEGIN, action="begin", size=len(text), **who)
    for start in range(0, len(text), begun.piece):
        piece = text[start : start + begun.piece]
        client.ask(RESTORE, action="piece", token=begun.token, text=piece, **who)
    return begun.token
