"""One file with rules, grants and accounts: made, looked at, put in place, taken back.

In a browser that is signed in alone: hashes of passwords are in such a file, and one that is put in place
adds the accounts that it has. Whoever finds a token could else make it last.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from flask import Response

from gateway.control import backups as pieces
from gateway.web.backup_seal import MOST_FILE, PASSWORD_LEAST, PASSWORD_MOST
from webui.api.kinds import Text
from webui.api.operations import Noun
from webui.api.records import record
from webui.api.who import Caller
from webui.daemon import daemon, source_address
from webui.upkeep import sealer

noun = Noun("backup")

FILE = "application/octet-stream"
Password = Annotated[str, Text(PASSWORD_LEAST, PASSWORD_MOST)]


@record
class Seal:
    password: Password


@record
class SealedFile:
    file: bytes
    password: Annotated[str, Text(1, PASSWORD_MOST)]


@record
class Opened:
    token: str  # of what is held for ten minutes


@record
class BackupLook:
    made: datetime | None
    by: str
    gateway: str
    version: str
    children: tuple[str, ...]
    people: tuple[str, ...]
    same: bool
    fresh: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    settings: bool
    devices: int
    pins: int
    self_set: int
    added: tuple[str, ...]
    grants: int
    steps: int  # into the next age band, that were put off
    problems: tuple[str, ...]


@record
class PutInPlace:
    problems: tuple[str, ...]


@record
class LastBackup:
    by: str
    at: datetime | None
    made: datetime | None
    undo: bool


@record
class LastBackups:
    last: LastBackup | None


@noun.declare("POST", "/backup", body=Seal, answer=bytes, media=FILE, by_session=True)
def make(me: Caller, body: Seal) -> Response:
    """The file itself, which this password opens."""
    text, _left_out = pieces.fetch(daemon().client, by=me.name, origin=source_address())
    sealed = sealer.seal(text, body.password)
    name = f"qalqan-{daemon().home().now:%Y-%m-%d}.backup"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(sealed, mimetype=FILE, headers=headers)


@noun.declare(
    "POST", "/backup/opened", body=SealedFile, answer=Opened, status=201, upload=MOST_FILE, by_session=True
)
def read(me: Caller, body: SealedFile) -> object:
    """Open a file. It is held until it is put in place; nothing is changed yet."""
    text = sealer.unseal(body.file, body.password)
    return Opened(pieces.send(daemon().client, text, by=me.name, origin=source_address()))


@noun.declare("GET", "/backup/opened/{session}", answer=BackupLook, by_session=True)
def look(me: Caller, session: str) -> object:
    """What is in it, and what it would change."""
    found = me.change("restore", action="look", token=session)
    return {**found, "children": [one["name"] for one in found["children"]]}


@noun.declare("POST", "/backup/opened/{session}/apply", answer=PutInPlace, by_session=True)
def apply(me: Caller, session: str) -> object:
    """All of it happens, or nothing."""
    return me.change("restore", action="apply", token=session)


@noun.declare("DELETE", "/backup/opened", by_session=True)
def drop(me: Caller) -> object:
    """It is held no more."""
    return me.change("restore", action="drop")


@noun.declare("GET", "/backup/last", answer=LastBackups, by_session=True)
def last(me: Caller) -> object:
    """The last one that was put in place, and whether it can be taken back."""
    return me.change("restore", action="last")


@noun.declare("POST", "/backup/undo", by_session=True)
def undo(me: Caller) -> object:
    """The last one that was put in place is taken back."""
    return me.change("restore", action="undo")
