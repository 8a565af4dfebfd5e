"""Open questions to guardians about devices, and the confirmed traits of known devices ("faces").

Any device on the Wi-Fi can invent MAC addresses. So questions about new devices are limited, and the longest
unseen one is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.identity.traits import Sign, Traits
from gateway.policy.time.clock_changes import Jump
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

NEW_DEVICES_LIMIT = 64  # questions about new devices; a page shows five
SILENT_LIMIT = 512  # silent questions: as many as the inventory has devices
UNSEEN = timedelta(hours=1)  # after this time another new device may replace the question
FACES_LIMIT = 256  # MAC addresses; a household has far fewer

_QUESTIONS = "mac, ask, at, profile, known, signs, face, back, settled, adult"
_PUT = f"INSERT OR REPLACE INTO questions ({_QUESTIONS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FACES = "INSERT OR REPLACE INTO faces (mac, faces) VALUES (?, ?)"

LastSeen = Callable[[str], datetime | None]
"""Returns when a device was last seen; None for an unknown device."""


class QuestionTable:
    def __init__(self, database: Database, writer: DurableWriter, clock_trusted: Callable[[], bool]) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        rows = database.rows(f"SELECT {_QUESTIONS} FROM questions ORDER BY at, mac")
        self._questions = {question.mac: question for question in map(_read, rows)}
        self._unsaved: set[str] = set()
        self._unsure: set[str] = set()  # asked or changed since the start, while the clock was not trusted
        self._clock_trusted = clock_trusted
        self._faces = {mac: _faces(text) for mac, text in database.rows("SELECT mac, faces FROM faces")}

    def all(self) -> Mapping[str, IdentityQuestion]:
        """Return the open questions to guardians about devices by MAC address, oldest first.

        Silent ones (`hold`), which are not asked, are among them.
        """
        return self._questions

    def put(self, question: IdentityQuestion, last_seen: LastSeen, now: datetime) -> bool:
        """Store a new or changed question to the guardians about a device, and write it to the disk.

        For a question about a new device beyond NEW_DEVICES_LIMIT, that of a device not seen for an
        hour is dropped. A question about a device that may be a child's (AGAIN) can also replace a
        NEW one. Return False if there is none to drop: the question is then not stored.
        """
        known = self._questions.get(question.mac)
        if (known is None or known.silent) and question.about_new_device:
            gone = self._room(question, last_seen, now)
            if gone is None:
                return False
            self._drop(gone)
        self._keep(question)
        self._writer.save(Statement(_PUT, [_row(question)]))
        return True

    def hold(self, question: IdentityQuestion) -> bool:
        """Keep a question in memory without asking it (``silent``), when there is no room to ask it.

        It is about a new device that may be a child's. The child's rules apply to the device until
        the next start. Otherwise a device could evade them by filling the room first. Return
        whether the question is new or its likely owner changed; False if SILENT_LIMIT others are silent.
        """
        held, known = replace(question, silent=True), self._questions.get(question.mac)
        silent = sum(each.silent for each in self._questions.values())
        if known == held or (known is None and silent >= SILENT_LIMIT):
            return False
        self._questions[question.mac] = held
        return known is None or known.profile != held.profile

    def note(self, question: IdentityQuestion) -> None:
        """Replace a question in memory; ``flush`` writes it later, since its traits can change often."""
        self._keep(question)
        self._unsaved.add(question.mac)

    def _keep(self, question: IdentityQuestion) -> None:
        self._questions[question.mac] = question
        if not self._clock_trusted():
            self._unsure.add(question.mac)

    def shift(self, jump: Jump) -> None:
        """Move the times of questions with the clock, so that a question keeps its age.

        If the clock was not trusted before the change, only questions move that were stored since the
        start without a trusted clock. Silent ones never move.
        """
        moved = {
            mac: replace(
                question,
                at=question.at + jump.size,
                back=None if question.back is None else question.back + jump.size,
            )
            for mac, question in self._questions.items()
            if jump.size and not question.silent and (jump.was_known or mac in self._unsure)
        }
        if jump.known:
            self._unsure.clear()
        if moved:
            self._questions |= moved  # does not change their order
            self._writer.save(Statement(_PUT, [_row(question) for question in moved.values()]))

    def flush(self) -> None:
        """Write the questions that ``note`` changed to the disk, except silent ones."""
        noted = [self._questions[mac] for mac in sorted(self._unsaved) if mac in self._questions]
        rows = [_row(question) for question in noted if not question.silent]
        self._unsaved.clear()
        if rows:
            self._writer.save(Statement(_PUT, rows))

    def _room(self, new: IdentityQuestion, last_seen: LastSeen, now: datetime) -> list[str] | None:
        """Return the MACs whose questions to drop for a new one: [] if it fits, else the longest unseen.

        A device that may be a child's (AGAIN) also replaces a NEW one. None if none can be dropped.
        """
        new_devices = [
            mac
            for mac, question in self._questions.items()
            if question.about_new_device and not question.silent
        ]
        if len(new_devices) < NEW_DEVICES_LIMIT:
            return []
        unseen = {mac: last_seen(mac) for mac in new_devices}
        away = [mac for mac, at in unseen.items() if at is None or at + UNSEEN <= now]
        if new.ask is Ask.AGAIN and not away:
            away = [mac for mac in new_devices if self._questions[mac].ask is Ask.NEW][:1]
        return sorted(away, key=lambda mac: at.timestamp() if (at := unseen[mac]) else 0.0)[:1] or None

    def drop(self, mac: str) -> IdentityQuestion | None:
        """Delete the question about a device, which was answered or is obsolete.

        Return it; None if there was none.
        """
        found = self._questions.get(mac)
        self._drop([mac] if found is not None else [])
        return found

    def _drop(self, macs: list[str]) -> None:
        for mac in macs:
            del self._questions[mac]
            self._unsure.discard(mac)
        if macs:
            self._writer.save(Statement("DELETE FROM questions WHERE mac = ?", [(mac,) for mac in macs]))

    def faces(self, mac: str) -> tuple[Traits, ...]:
        """Return the confirmed traits (host name, DHCP options, …) of the device with this MAC address.

        There may be several sets of them; empty if none was confirmed yet.
        """
        return self._faces.get(mac, ())

    def keep_faces(self, mac: str, faces: tuple[Traits, ...]) -> None:
        if faces == self._faces.get(mac):
            return
        self._faces[mac] = faces
        self._writer.save(Statement(_FACES, [(mac, _text(faces))]))
        while len(self._faces) > FACES_LIMIT:
            self.forget_faces(next(iter(self._faces)))

    def forget_faces(self, mac: str) -> None:
        if self._faces.pop(mac, None) is not None:
            self._writer.save(Statement("DELETE FROM faces WHERE mac = ?", [(mac,)]))

    def _snapshot(self) -> list[Statement]:
        faces: list[tuple[object, ...]] = [(mac, _text(found)) for mac, found in self._faces.items()]
        return [
            *table_snapshot(
                "questions",
                _QUESTIONS,
                [_row(question) for question in self._questions.values() if not question.silent],
            ),
            *table_snapshot("faces", "mac, faces", faces),
        ]


def _row(question: IdentityQuestion) -> tuple[object, ...]:
    face = None if question.face is None else _text((question.face,))
    return (
        question.mac, str(question.ask), unix(question.at), question.profile, question.known,
        " ".join(question.signs), face,
        unix_or_none(question.back), int(question.settled), int(question.adult),
    )  # fmt: skip


def _read(row: tuple[Any, ...]) -> IdentityQuestion:
    mac, ask, at, profile, known, signs, face, back, settled, adult = row
    return IdentityQuestion(
        mac=mac,
        ask=Ask(ask),
        at=moment(at),
        profile=profile,
        known=known,
        signs=tuple(Sign(sign) for sign in signs.split()),
        face=next(iter(_faces(face)), None) if face is not None else None,
        back=moment_or_none(back),
        settled=bool(settled),
        adult=bool(adult),
    )


def _text(faces: tuple[Traits, ...]) -> str:
    return json.dumps(
        [
            {
                "mac": traits.mac,
                "host_name": traits.host_name,
                "vendor_class": traits.vendor_class,
                "options": traits.options,
                "vendor": traits.vendor,
                "kind": traits.kind,
                "hop_limit": traits.hop_limit,
                "interface_ids": sorted(each.hex() for each in traits.interface_ids),
            }
            for traits in faces
        ]
    )


def _faces(text: str) -> tuple[Traits, ...]:
    return tuple(
        Traits(
            **saved
            | {
                "options": tuple(saved["options"]),
                "interface_ids": frozenset(map(bytes.fromhex, saved["interface_ids"])),
            }
        )
        for saved in json.loads(text)
    )
