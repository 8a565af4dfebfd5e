"""What the family was asked about its devices, and the faces that it vouched for.

Anybody on the Wi-Fi can invent addresses: questions about strangers are few, and the longest unseen give way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.policy.identity.questions import Ask, Question
from gateway.policy.identity.traits import Sign, Traits
from gateway.policy.time.clock_changes import Jump
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, moment, moment_or_none, table_snapshot, unix, unix_or_none

STRANGERS_LIMIT = 64  # questions about devices that nobody has named; a page shows five
SILENT_LIMIT = 512  # of those, by whose rules nobody is asked: all devices that the inventory follows
UNSEEN = timedelta(hours=1)  # after which a stranger's question gives way to another's
FACES_LIMIT = 256  # addresses; a family names far fewer

_QUESTIONS = "mac, ask, at, profile, known, signs, face, back, settled, adult"
_PUT = f"INSERT OR REPLACE INTO questions ({_QUESTIONS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FACES = "INSERT OR REPLACE INTO faces (mac, faces) VALUES (?, ?)"

LastSeen = Callable[[str], datetime | None]
"""When a device was last here; None: nobody knows of it."""


class Questions:
    def __init__(self, database: Database, keeper: Keeper, clock_trusted: Callable[[], bool]) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        rows = database.rows(f"SELECT {_QUESTIONS} FROM questions ORDER BY at, mac")
        self._questions = {one.mac: one for one in map(_read, rows)}
        self._unsaved: set[str] = set()
        self._unsure: set[str] = set()  # asked or changed since the start, while the clock was not known
        self._clock_trusted = clock_trusted
        self._faces = {mac: _faces(text) for mac, text in database.rows("SELECT mac, faces FROM faces")}

    def all(self) -> Mapping[str, Question]:
        """By MAC, the oldest first."""
        return self._questions

    def put(self, one: Question, last_seen: LastSeen, now: datetime) -> bool:
        """A new one, or what became of it; False where it finds no room."""
        known = self._questions.get(one.mac)
        if (known is None or known.silent) and one.about_stranger:
            gone = self._room(one, last_seen, now)
            if gone is None:
                return False
            self._drop(gone)
        self._keep(one)
        self._keeper.save(Statement(_PUT, [_row(one)]))
        return True

    def hold(self, one: Question) -> bool:
        """A stranger that may be a child's, and found no room: the child's rules hold for it until the next
        start all the same, else whoever fills the room first would be rid of them. Whether that is news.
        """
        held, known = replace(one, silent=True), self._questions.get(one.mac)
        silent = sum(each.silent for each in self._questions.values())
        if known == held or (known is None and silent >= SILENT_LIMIT):
            return False
        self._questions[one.mac] = held
        return known is None or known.profile != held.profile

    def note(self, one: Question) -> None:
        """What is new of one that is kept; hosts can change what they show with each packet, so it is written
        with the next ``flush``.
        """
        self._keep(one)
        self._unsaved.add(one.mac)

    def _keep(self, one: Question) -> None:
        self._questions[one.mac] = one
        if not self._clock_trusted():
            self._unsure.add(one.mac)

    def shift(self, jump: Jump) -> None:
        """The clock jumped, or became known: as long ago as it was asked it stays, and as long as nobody but
        the owner's device was there.
        """
        moved = {
            mac: replace(one, at=one.at + jump.size, back=None if one.back is None else one.back + jump.size)
            for mac, one in self._questions.items()
            if jump.size and not one.silent and (jump.was_known or mac in self._unsure)
        }
        if jump.known:
            self._unsure.clear()
        if moved:
            self._questions |= moved  # keeps their order
            self._keeper.save(Statement(_PUT, [_row(one) for one in moved.values()]))

    def flush(self) -> None:
        """Write what was noted since the last time."""
        noted = [self._questions[mac] for mac in sorted(self._unsaved) if mac in self._questions]
        rows = [_row(one) for one in noted if not one.silent]
        self._unsaved.clear()
        if rows:
            self._keeper.save(Statement(_PUT, rows))

    def _room(self, new: Question, last_seen: LastSeen, now: datetime) -> list[str] | None:
        """Who gives way, if need be: the longest unseen, else a mere stranger to what may be a child's.
        None where nobody does.
        """
        strangers = [mac for mac, one in self._questions.items() if one.about_stranger and not one.silent]
        if len(strangers) < STRANGERS_LIMIT:
            return []
        unseen = {mac: last_seen(mac) for mac in strangers}
        away = [mac for mac, at in unseen.items() if at is None or at + UNSEEN <= now]
        if new.ask is Ask.AGAIN and not away:
            away = [mac for mac in strangers if self._questions[mac].ask is Ask.NEW][:1]
        return sorted(away, key=lambda mac: at.timestamp() if (at := unseen[mac]) else 0.0)[:1] or None

    def drop(self, mac: str) -> Question | None:
        """It is answered, or nobody asks any more."""
        found = self._questions.get(mac)
        self._drop([mac] if found is not None else [])
        return found

    def _drop(self, macs: list[str]) -> None:
        for mac in macs:
            del self._questions[mac]
            self._unsure.discard(mac)
        if macs:
            self._keeper.save(Statement("DELETE FROM questions WHERE mac = ?", [(mac,) for mac in macs]))

    def faces(self, mac: str) -> tuple[Traits, ...]:
        """What its owner's devices look like; () where nobody knows yet."""
        return self._faces.get(mac, ())

    def keep_faces(self, mac: str, faces: tuple[Traits, ...]) -> None:
        if faces == self._faces.get(mac):
            return
        self._faces[mac] = faces
        self._keeper.save(Statement(_FACES, [(mac, _text(faces))]))
        while len(self._faces) > FACES_LIMIT:
            self.forget_faces(next(iter(self._faces)))

    def forget_faces(self, mac: str) -> None:
        if self._faces.pop(mac, None) is not None:
            self._keeper.save(Statement("DELETE FROM faces WHERE mac = ?", [(mac,)]))

    def _snapshot(self) -> list[Statement]:
        faces: list[tuple[object, ...]] = [(mac, _text(found)) for mac, found in self._faces.items()]
        return [
            *table_snapshot(
                "questions", _QUESTIONS, [_row(one) for one in self._questions.values() if not one.silent]
            ),
            *table_snapshot("faces", "mac, faces", faces),
        ]


def _row(one: Question) -> tuple[object, ...]:
    face = None if one.face is None else _text((one.face,))
    return (
        one.mac, str(one.ask), unix(one.at), one.profile, one.known, " ".join(one.signs), face,
        unix_or_none(one.back), int(one.settled), int(one.adult),
    )  # fmt: skip


def _read(row: tuple[Any, ...]) -> Question:
    mac, ask, at, profile, known, signs, face, back, settled, adult = row
    return Question(
        mac=mac,
        ask=Ask(ask),
        at=moment(at),
        profile=profile,
        known=known,
        signs=tuple(Sign(one) for one in signs.split()),
        face=next(iter(_faces(face)), None) if face is not None else None,
        back=moment_or_none(back),
        settled=bool(settled),
        adult=bool(adult),
    )


def _text(faces: tuple[Traits, ...]) -> str:
    return json.dumps(
        [
            {
                "mac": one.mac,
                "host_name": one.host_name,
                "vendor_class": one.vendor_class,
                "options": one.options,
                "vendor": one.vendor,
                "kind": one.kind,
                "hop_limit": one.hop_limit,
                "interface_ids": sorted(each.hex() for each in one.interface_ids),
            }
            for one in faces
        ]
    )


def _faces(text: str) -> tuple[Traits, ...]:
    return tuple(
        Traits(
            **one
            | {
                "options": tuple(one["options"]),
                "interface_ids": frozenset(map(bytes.fromhex, one["interface_ids"])),
            }
        )
        for one in json.loads(text)
    )
