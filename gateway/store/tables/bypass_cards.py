"""Cards: notices that a device used a blocked bypass method, such as a VPN.

Only what a guardian may see of them is stored. A card is written immediately when it is created, extended
or dismissed: a few times a day. Whether it is solved may change every few minutes and is written with the
batch. After a crash, the traffic of the device shows it again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from gateway.policy.alerts.cards import AlertCard, CardTopic, storable_card
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, moment_or_none, table_snapshot, unix_or_none

MAX_CARDS = 512  # 400 bytes each; more than one a day of 64 devices for a week; the oldest are dropped

_COLUMNS = "mac, way, day, profile, topic, at, host, proto, sure, level, solved, dismissed"
_PUT = f"INSERT OR REPLACE INTO way_cards ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DROP = "DELETE FROM way_cards WHERE mac = ? AND way = ? AND day = ?"

Key = tuple[str, BypassMethod, date]


class BypassCardTable:
    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        rows = database.rows(f"SELECT {_COLUMNS} FROM way_cards ORDER BY day, at, mac, way")
        self._cards = {card.key: card for card in map(_read, rows)}
        self._unsaved: set[Key] = set()

    def all(self) -> tuple[AlertCard, ...]:
        """Return all cards (notices about a blocked bypass method on a device), oldest first."""
        return tuple(self._cards.values())

    def get(self, key: Key) -> AlertCard | None:
        return self._cards.get(key)

    def of(self, mac: str) -> tuple[AlertCard, ...]:
        return tuple(card for card in self._cards.values() if card.mac == mac)

    def put(self, card: AlertCard) -> None:
        """Store a new or changed notice (card) about a bypass method in memory, and write it immediately.

        Only what the log level allows is written. Beyond MAX_CARDS, the oldest one is deleted.
        """
        self.note(card)
        self.flush()
        if len(self._cards) > MAX_CARDS:
            self._forget([next(iter(self._cards))])

    def note(self, card: AlertCard) -> None:
        """Store a new or changed notice (card) about a bypass method in memory; ``flush`` writes it."""
        self._cards[card.key] = card
        self._unsaved.add(card.key)

    def flush(self) -> None:
        noted = (self._cards[key] for key in sorted(self._unsaved) if key in self._cards)
        rows = [_row(written) for card in noted if (written := storable_card(card)) is not None]
        self._unsaved.clear()
        if rows:
            self._writer.save(Statement(_PUT, rows))

    def move(self, old: AlertCard, new: AlertCard) -> None:
        """Replace the notice (card) ``old`` by ``new``, which has another day, in memory and on disk.

        ``old`` must be stored (else KeyError).
        """
        self._forget([old.key])
        self.put(new)

    def drop_old(self, before: date) -> None:
        self.drop(lambda card: card.day < before)

    def drop(self, unwanted: Callable[[AlertCard], bool]) -> None:
        self._forget([key for key, card in self._cards.items() if unwanted(card)])

    def _forget(self, keys: list[Key]) -> None:
        for key in keys:
            del self._cards[key]
        if keys:
            rows = [(mac, str(way), day.isoformat()) for mac, way, day in keys]
            self._writer.save(Statement(_DROP, rows))

    def _snapshot(self) -> list[Statement]:
        written = (storable_card(card) for card in self._cards.values())
        return table_snapshot("way_cards", _COLUMNS, [_row(card) for card in written if card is not None])


def _row(card: AlertCard) -> tuple[object, ...]:
    return (
        card.mac, str(card.way), card.day.isoformat(), card.profile, str(card.topic), unix_or_none(card.at),
        card.host, card.proto, int(card.sure), card.level, int(card.solved), int(card.dismissed),
    )  # fmt: skip


def _read(row: tuple[Any, ...]) -> AlertCard:
    mac, way, day, profile, topic, at, host, proto, sure, level, solved, dismissed = row
    return AlertCard(
        mac=mac,
        profile=profile,
        way=BypassMethod(way),
        day=date.fromisoformat(day),
        topic=CardTopic(topic),
        at=moment_or_none(at),
        host=host,
        proto=proto,
        sure=bool(sure),
        level=level,
        solved=bool(solved),
        dismissed=bool(dismissed),
    )
