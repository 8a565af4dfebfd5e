"""Devices that are an adult's for a while: that each is, until when, and by what. Nothing else of a proof.

The audit says who opened what, and until when; of a wallet it has no name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.policy.accounts.adult_proof import AdultProof, ProofMethod, after_jump
from gateway.policy.time.clock_changes import Jump, Kind
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, audit_line, moment, table_snapshot, unix

COLUMNS = "mac, method, at, until, by, span, sure"
_PUT = f"INSERT OR REPLACE INTO adult_proofs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"


class AdultProofs:
    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._proofs = {
            mac: AdultProof(mac, ProofMethod(method), moment(at), moment(until), by, Kind(span), bool(sure))
            for mac, method, at, until, by, span, sure in database.rows(
                f"SELECT {COLUMNS} FROM adult_proofs ORDER BY at"
            )
        }

    def all(self) -> Mapping[str, AdultProof]:
        """By MAC."""
        return self._proofs

    def held(self, now: datetime, *, known: bool) -> tuple[str, ...]:
        return tuple(mac for mac, one in self._proofs.items() if one.holds(now, known=known))

    def put(self, one: AdultProof, *, told: str, who: str, origin: str = "") -> None:
        """``told`` is what the audit says of it, ``who`` whom it names."""
        self._proofs[one.mac] = one
        audit = audit_line(one.at, who, f"adult {one.method}", told, origin)
        self._keeper.save(Statement(_PUT, [_row(one)]), audit=audit)

    def end(self, mac: str, *, by: str, at: datetime, origin: str = "") -> None:
        """Before its time, by somebody."""
        self._proofs.pop(mac)
        gone = Statement("DELETE FROM adult_proofs WHERE mac = ?", [(mac,)])
        self._keeper.save(gone, audit=audit_line(at, by, "adult end", mac, origin))

    def keep(self, proofs: Mapping[str, AdultProof]) -> bool:
        """These alone; whether any went or became another."""
        if proofs == self._proofs:
            return False
        self._proofs = dict(proofs)
        self._keeper.save(*self._snapshot())
        return True

    def drop(self, mac: str) -> None:
        """Somebody has said whose it is, or it is forgotten."""
        self.keep({other: one for other, one in self._proofs.items() if other != mac})

    def shift(self, jump: Jump) -> bool:
        """The clock jumped: whether one ends, or ends at another time."""
        moved = {mac: after for mac, one in self._proofs.items() if (after := after_jump(one, jump))}
        return self.keep(moved)

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("adult_proofs", COLUMNS, [_row(one) for one in self._proofs.values()])


def _row(one: AdultProof) -> tuple[object, ...]:
    at, until = unix(one.at), unix(one.until)
    return one.mac, one.method.value, at, until, one.by, one.span.value, int(one.sure)
