"""Devices that an adult unlocked by a proof of being one. Each is unfiltered until its proof ends.

The end is a time of the system clock, as a family reads it, and is adjusted when the clock jumps. While the
clock is not trusted, proofs from before the start do not apply.
"""

from __future__ import annotations

from gateway.core.loop import Timer
from gateway.household.context import Effects, HomeContext
from gateway.household.members import Family
from gateway.household.presence import SeenDevices
from gateway.policy.accounts.adult_proof import AdultProof, longest
from gateway.policy.time.clock_changes import Jump
from gateway.store.tables.adult_proofs import AdultProofTable

PERIOD = 60.0  # seconds between two looks, so that a change of the clock takes effect within a minute
MOST = 32  # devices with a proof at the same time


class AdultDevices:
    """Stops filtering devices for which an adult gave a proof, and filters them again when it ends."""

    def __init__(
        self, home: HomeContext, effects: Effects, proofs: AdultProofTable, family: Family, here: SeenDevices
    ) -> None:
        """Delete the proofs that ended while the daemon was stopped, and those with an uncertain end.

        While the clock is not trusted, proofs that were given by a trusted clock are kept, but do not apply.
        Create this object before devices are grouped.
        """
        self._home = home
        self._effects = effects
        self._proofs = proofs
        self._family = family
        self._here = here
        self._timer: Timer | None = None
        now, trusted = home.now(), home.clock_trusted
        # How much is left of a proof that was given by an untrusted clock before a restart is unknown.
        valid = {mac: proof for mac, proof in proofs.all().items() if proof.clock_trusted or trusted}
        if trusted:
            valid = {
                mac: proof
                for mac, proof in valid.items()
                # The clock may have been set back while the daemon was stopped.
                if proof.at <= now < proof.until <= now + longest(proof.method)
            }
        proofs.keep(valid)

    def start(self) -> None:
        self._schedule()

    def of(self, mac: str) -> AdultProof | None:
        """Return the proof by which the device is unfiltered now, or None."""
        return self._proofs.all().get(mac) if mac in self._family.opened else None

    def is_full(self, mac: str) -> bool:
        """Return whether this device cannot be unfiltered because MOST others have an adult's proof."""
        proofs = self._proofs.all()
        return mac not in proofs and len(proofs) >= MOST

    def begin(self, proof: AdultProof, *, who: str, origin: str) -> None:
        """Store the proof and stop filtering the device until the proof ends. Publish this.

        ``who`` and ``origin`` are for the audit log.
        """
        until = proof.until.astimezone(self._home.rules.household.config.zone)
        detail = f"{proof.mac} until {until.isoformat(timespec='minutes')}"
        self._proofs.put(proof, audit_text=detail, who=who, origin=origin)
        self._effects.regroup()
        self._publish(proof, "opened")
        self._schedule()

    def end(self, proof: AdultProof, *, by: str, origin: str) -> None:
        """Filter the device again before its proof ends, with an audit line, and publish this."""
        self._proofs.end(proof.mac, by=by, at=self._home.now(), origin=origin)
        self._effects.regroup()
        self._publish(proof, "ended")
        self._schedule()

    def look(self) -> None:
        """End the proofs that are over: filter their devices again, publish this, and set the timer."""
        now = self._home.now()
        over = [proof for proof in self._proofs.all().values() if proof.until <= now]
        if over:
            ended = {proof.mac for proof in over}
            proofs = self._proofs.all().items()
            self._proofs.keep({mac: proof for mac, proof in proofs if mac not in ended})
            self._effects.regroup()
        for proof in over:
            self._publish(proof, "over")
        self._schedule()

    def shift(self, jump: Jump) -> bool:
        """Adjust the ends of proofs after a jump of the clock, and publish the end of those that end by it.

        Return whether devices must be grouped again.
        """
        before = dict(self._proofs.all())
        moved = self._proofs.shift(jump.seen_in(self._home.rules.household.config.zone))
        for mac in before.keys() - self._proofs.all().keys():
            self._publish(before[mac], "over")
        self._schedule()
        return bool(before) and (moved or jump.was_known != jump.known)

    def _publish(self, proof: AdultProof, what: str) -> None:
        self._home.publish(
            "adult_proof",
            device=proof.mac,
            name=self._here.name_of(proof.mac),
            what=what,
            method=proof.method,
            by=proof.by or None,
            until=proof.until.astimezone(self._home.rules.household.config.zone),
        )

    def _schedule(self) -> None:
        """Set the timer to the end of the next proof, at most PERIOD seconds ahead, if there is a proof."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = [proof.until for proof in self._proofs.all().values()]
        if ends:
            left = (min(ends) - self._home.now()).total_seconds()
            self._timer = self._home.loop.call_later(max(0.0, min(PERIOD, left)), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
