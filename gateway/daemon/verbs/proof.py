"""The verb `proof`: a guardian starts one for a child's device, which tries its sites and says what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.proof import Proof, Proofs
from gateway.daemon.verbs.whom import Whom
from gateway.policy.macs import parse_mac
from gateway.policy.proofs import Check

if TYPE_CHECKING:
    from gateway.daemon.devices.member import Member
    from gateway.daemon.main import Daemon

ACTIONS = ("start", "look", "tell", "again", "end")
REACHED = {"opened": True, "failed": False}
MOST_SITES = 16  # of one `tell`; a proof has five lines


class ProofVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom
        self._proofs = Proofs(daemon)

    def table(self) -> Mapping[str, Verb]:
        return {"proof": self.proof}

    def proof(self, request: Request) -> Mapping[str, object]:
        action = request.choice("action", ACTIONS)
        if action in ("start", "end"):
            self._whom.guardian(request)
        if action == "start":
            found: Proof | None = self._start(request)
        elif action == "end":
            found = self._proofs.of_child(request.text("id"))
            if found is not None:
                self._proofs.end(found)
        elif request.has("id") and action == "look":
            found = self._proofs.of_child(request.text("id"))
        else:
            found = self._of_the_device(request, action)
        if action != "look" and found is not None:
            self._daemon.control.publish("proof", profile=found.profile, device=found.mac)
        return {"proof": None if found is None else self._told(found)}

    def _start(self, request: Request) -> Proof:
        member = self._whom.child(request)
        if member.profile.id != request.text("id"):
            request.refuse("device", "is no device of this child", Code.NO_DEVICE_OF_A_CHILD)
        return self._proofs.start(member, self._mac(request, member))

    def _of_the_device(self, request: Request, action: str) -> Proof | None:
        """The device for itself: it looks, says what its browser met, and tries once more."""
        member = self._whom.child(request)
        found = self._proofs.of_device(self._mac(request, member))
        if found is None or found.profile != member.profile.id:
            return None  # nobody has started one, or the device is somebody else's since
        if action == "again":
            return self._proofs.start(member, found.mac)
        self._proofs.arrived(found)
        if action == "tell":
            self._proofs.tell(found, self._reached(request))
        return found

    def _mac(self, request: Request, member: Member) -> str:
        mac = parse_mac(request.text("device"))
        assert mac is not None and mac in member.macs  # noqa: PT018 - `child` has looked
        return mac

    def _reached(self, request: Request) -> dict[str, bool]:
        said = request.mapping("results")
        if len(said) > MOST_SITES or not all(
            isinstance(one, str) and one in REACHED for one in said.values()
        ):
            request.refuse("results", "must say opened or failed of a few hosts")
        return {host: REACHED[one] for host, one in said.items()}

    def _told(self, proof: Proof) -> dict[str, Any]:
        now = self._daemon.loop.now()
        return {
            "id": proof.profile,
            "device": proof.mac,
            "name": self._daemon.presence.here.name_of(proof.mac),
            "running": proof.left(now) > 0,
            "seconds": proof.left(now),
            "took": proof.took,
            "lines": [_line(one) for one in proof.lines],
        }


def _line(one: Check) -> dict[str, object]:
    return {
        "topic": one.topic,
        "state": one.state,
        "host": one.host,
        "name": one.name,
        "because": one.because,
        "blocked": one.blocked,
        "passed": one.passed,
        "reached": one.reached,
        "at": one.at,
    }
