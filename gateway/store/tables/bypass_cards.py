"""Cards about closed ways. On the disk is what a guardian may see of them, nothing of the others.

One is written at once when it is raised, when more is known and when it is put away: a few times a day.
Whether it is solved may change every few minutes, and goes with the batch; after a crash the device shows it
anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from gateway.policy.alerts.cards import Card, CardTopic, storable_card
from gateway.policy.profile.bypass_methods import Way
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, moment_or_none, table_snapshot, unix_or_none

MAX_CARDS = 512  # 400 bytes each; 64 devices that try a way a day and more; the oldest give way

_COLUMNS = "mac, way, day, profile, topic, at, host, proto, sure, level, solved, dismissed"
_PUT = f"INSERT OR REPLACE INTO way_cards ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DROP = "DELETE FROM way_cards WHERE mac = ? AND way = ? AND day = ?"

Key = tuple[str, Way, date]


class WayCards:
    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        rows = database.rows(f"SELECT {_COLUMNS} FROM way_cards ORDER BY day, at, mac, way")
        self._cards = {one.key: one for one in map(_read, rows)}
        self._unsaved: set[Key] = set()

    def all(self) -> tuple[Card, ...]:
        """Oldest first."""
        return tuple(self._cards.values())

    def get(self, key: Key) -> Card | None:
        return self._cards.get(key)

    def of(self, mac: str) -> tuple[Card, ...]:
        return tuple(one for one in self._cards.values() if one.mac == mac)

    def put(self, card: Card) -> None:
        """A new one, or what became of it."""
        self.note(card)
        self.flush()
        if len(self._cards) > MAX_CARDS:
            self._forget([next(iter(self._cards))])

    def note(self, card: Card) -> None:
        """What became of one that is kept, written with the next ``flush``."""
        self._cards[card.key] = card
        self._unsaved.add(card.key)

    def flush(self) -> None:
        noted = (self._cards[key] for key in sorted(self._unsaved) if key in self._cards)
        rows = [_row(written) for one in noted if (written := storable_card(one)) is not None]
        self._unsaved.clear()
        if rows:
            self._keeper.save(Statement(_PUT, rows))

    def move(self, old: Card, new: Card) -> None:
        """The same card, of another day."""
        self._forget([old.key])
        self.put(new)

    def drop_old(self, before: date) -> None:
        self.drop(lambda one: one.day < before)

    def drop(self, unwanted: Callable[[Card], bool]) -> None:
        self._forget([key for key, one in self._cards.items() if unwanted(one)])

    def _forget(self, keys: list[Key]) -> None:
        for key in keys:
            del self._cards[key]
        if keys:
            rows = [(mac, str(way), day.isoformat()) for mac, way, day in keys]
            self._keeper.save(Statement(_DROP, rows))

    def _snapshot(self) -> list[Statement]:
        written = (storable_card(one) for one in self._cards.values())
        return table_snapshot("way_cards", _COLUMNS, [_row(one) for one in written if one is not None])


def _row(card: Card) -> tuple[object, ...]:
    return (
        card.mac, str(card.way), card.day.isoformat(), card.profile, str(card.topic), unix_or_none(card.at),
        card.host, card.proto, int(card.sure), card.level, int(card.solved), int(card.dismissed),
    )  # fmt: skip


def _read(row: tuple[Any, ...]) -> Card:
    mac, way, day, profile, topic, at, host, proto, sure, level, solved, dismissed = row
    return Card(
        mac=mac,
        profile=profile,
        way=Way(way),
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
