"""Devices that a proof of an adult's age opens for a while: method, start and end, and the guardian if known.

Nothing of the proof itself is stored. The audit log has who opened what and until when. For a proof by
wallet, neither has a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.policy.accounts.adult_proof import AdultProof, ProofMethod, after_jump
from gateway.policy.time.clock_changes import Jump, MomentKind
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, audit_line, moment, table_snapshot, unix

COLUMNS = "mac, method, at, until, by, span, sure"
_PUT = f"INSERT OR REPLACE INTO adult_proofs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"


class AdultProofTable:
    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._proofs = {
            mac: AdultProof(
                mac, ProofMethod(method), moment(at), moment(until), by, MomentKind(span), bool(clock_trusted)
            )
            for mac, method, at, until, by, span, clock_trusted in database.rows(
                f"SELECT {COLUMNS} FROM adult_proofs ORDER BY at"
            )
        }

    def all(self) -> Mapping[str, AdultProof]:
        """Return the proofs that an adult uses a device, by MAC address."""
        return self._proofs

    def held(self, now: datetime, *, known: bool) -> tuple[str, ...]:
        return tuple(mac for mac, proof in self._proofs.items() if proof.holds(now, known=known))

    def put(self, proof: AdultProof, *, audit_text: str, who: str, origin: str = "") -> None:
        """Store a proof that an adult uses a device, in place of its last one, and write an audit line.

        The line has ``audit_text``, the author ``who`` and ``origin``, the author's IP address.
        """
        self._proofs[proof.mac] = proof
        audit = audit_line(proof.at, who, f"adult {proof.method}", audit_text, origin)
        self._writer.save(Statement(_PUT, [_row(proof)]), audit=audit)

    def end(self, mac: str, *, by: str, at: datetime, origin: str = "") -> None:
        """Delete a stored proof (else KeyError) that an adult uses a device, with an audit line."""
        self._proofs.pop(mac)
        gone = Statement("DELETE FROM adult_proofs WHERE mac = ?", [(mac,)])
        self._writer.save(gone, audit=audit_line(at, by, "adult end", mac, origin))

    def keep(self, proofs: Mapping[str, AdultProof]) -> bool:
        """Replace all proofs that an adult uses a device by these. Return whether any changed."""
        if proofs == self._proofs:
            return False
        self._proofs = dict(proofs)
        self._writer.save(*self._snapshot())
        return True

    def drop(self, mac: str) -> None:
        """Delete the proof that an adult uses a device, without an audit line.

        Call it when the device got an owner or was forgotten.
        """
        self.keep({other: proof for other, proof in self._proofs.items() if other != mac})

    def shift(self, jump: Jump) -> bool:
        """Adjust the ends of all proofs that an adult uses a device after a clock change.

        Those that have ended, or whose remaining time is not known, are deleted (`after_jump`). Return
        whether any was deleted or changed.
        """
        moved = {mac: after for mac, proof in self._proofs.items() if (after := after_jump(proof, jump))}
        return self.keep(moved)

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("adult_proofs", COLUMNS, [_row(proof) for proof in self._proofs.values()])


def _row(proof: AdultProof) -> tuple[object, ...]:
    at, until = unix(proof.at), unix(proof.until)
    return proof.mac, proof.method.value, at, until, proof.by, proof.span.value, int(proof.clock_trusted)
