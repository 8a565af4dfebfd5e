"""The verb `adult_proof`: stops filtering a device for a limited time, for an adult.

The proof is a guardian's password typed on the device, a guardian's tap on another device, or a wallet's
proof of age. The web process hashes the password; the daemon compares the hash. A child process of the web
process verifies a wallet's proof, and the daemon receives only the fact that there was one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.control.contract.sharing import (
    ADULT_PROOF,
    AdultProofChange,
    AdultProofRequest,
    AdultProofState,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.schema import values_of
from gateway.control.second_factor import check_code
from gateway.control.signins import by_password
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.sharing.adult_devices import AdultDevices
from gateway.features.sharing.sharing import Sharing
from gateway.household.attempt_limits import AttemptLimit
from gateway.household.context import HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.members import Family, Member
from gateway.policy.accounts.adult_proof import LENGTHS, AdultProof, ProofMethod, new_proof
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import may_open
from gateway.store.durable_writes import in_utc
from gateway.store.tables.people import AccountTable
from gateway.store.tables.questions import QuestionTable

SWITCHES = 20  # of one device within ten minutes: each makes the daemon judge all running connections again


class AdultProofVerbs:
    """Stops filtering devices by an adult's proof, filters them again, and returns where that is possible."""

    def __init__(
        self,
        home: HomeContext,
        people: AccountTable,
        questions: QuestionTable,
        family: Family,
        sharing: Sharing,
        adult_devices: AdultDevices,
        access: Access,
    ) -> None:
        self._home = home
        self._people = people
        self._questions = questions
        self._family = family
        self._sharing = sharing
        self._adult_devices = adult_devices
        self._access = access
        self._switches = AttemptLimit(SWITCHES)

    def register(self, router: Router) -> None:
        router.serve(ADULT_PROOF, self.adult_proof)

    def adult_proof(self, call: Call[AdultProofRequest]) -> AdultProofChange:
        mac = parse_mac(call.args.device)
        if mac is None:
            call.refuse("device", "is no MAC address such as 02:00:00:00:00:0a")
        return self._end(call, mac) if call.args.action == "end" else self._open(call, mac)

    def describe(self, mac: str, member: Member | None) -> dict[str, object]:
        """Return fields for the verb `device`: the proof in force, or ``opens`` if one could unfilter it."""
        proof = self.proof_of(mac)
        if proof is not None:
            return {"adult_proof": proof}
        return {"opens": True} if self._refusal(mac, member) is None else {}

    def proof_of(self, mac: str) -> AdultProofState | None:
        """Return method, guardian and end of the proof by which the device is unfiltered now, or None."""
        proof = self._adult_devices.of(mac)
        return None if proof is None else self._opened_by(proof)

    def opens(self, mac: str) -> bool:
        """Return whether an adult's proof can end the filtering of the device, or has done so."""
        family = self._family
        return mac in family.opened or self._refusal(mac, family.member_of(mac)) is None

    def _opened_by(self, proof: AdultProof) -> AdultProofState:
        until = proof.until.astimezone(self._home.rules.household.config.zone)
        return AdultProofState(proof.method, proof.by or None, until)

    def _open(self, call: Call[AdultProofRequest], mac: str) -> AdultProofChange:
        home, family = self._home, self._family
        length, ends = call.choice("length", LENGTHS), call.args.until
        method, by = self._method(call)
        if ends is not None and ends <= home.now():
            raise ControlError.of(Code.HAS_PASSED)
        refusal = self._refusal(mac, family.member_of(mac)) if mac not in family.opened else None
        if refusal is not None:
            raise ControlError.of(refusal)
        if self._adult_devices.is_full(mac):
            raise ControlError.of(Code.NO_ROOM)
        self._switches.take(mac, self._monotonic())
        if self._sharing.use_of(mac) is not None:
            self._sharing.end(mac)
        trusted = home.clock_trusted
        given = new_proof(mac, method, length, home.local_now(), by=by, clock_trusted=trusted).at_most(ends)
        proof = AdultProof(mac, method, in_utc(given.at), in_utc(given.until), by, given.span, trusted)
        self._adult_devices.begin(proof, who=by or PROGRAM, origin=_origin(call, proof, by))
        return AdultProofChange(device=mac, **values_of(self._opened_by(proof)))

    def _end(self, call: Call[AdultProofRequest], mac: str) -> AdultProofChange:
        """Filter the device again, for a guardian, or for the device itself without a sign-in.

        Raises ControlError if no proof is in force.
        """
        by = self._access.guardian(call) if call.has("by") else ""
        proof = self._adult_devices.of(mac)
        if proof is None:
            raise ControlError.of(Code.NOT_IN_FORCE)
        self._adult_devices.end(proof, by=by or PROGRAM, origin=_origin(call, proof, by))
        return AdultProofChange(mac)

    def _method(self, call: Call[AdultProofRequest]) -> tuple[ProofMethod, str]:
        """Check a request's proof, and return its method and the guardian's name (empty for a wallet).

        Checks the password, and a code if the guardian has a second factor; the pages have checked
        a wallet's proof. Raises ControlError if they are wrong.
        """
        if call.has("by"):
            return ProofMethod.GUARDIAN, self._access.guardian(call)
        if call.choice("method", (ProofMethod.PASSWORD, ProofMethod.WALLET)) == ProofMethod.WALLET:
            return ProofMethod.WALLET, ""
        account = by_password(self._people, call)
        if not account.guards:
            raise ControlError.of(Code.GUARDIANS_ONLY)
        known = self._home.clock_trusted
        check_code(self._people, account, call, self._home.local_now(), clock_known=known)
        return ProofMethod.PASSWORD, account.name

    def _refusal(self, mac: str, member: Member | None) -> Code | None:
        """Return the error code if no adult's proof can open the device; None if one can."""
        if member is None:
            return Code.NOT_FILTERED
        household, use = self._home.rules.household, self._sharing.use_of(mac)
        if use is not None and use.handed:
            return Code.HANDED_OVER
        own = mac in household.named and not may_open(household, mac, member.profile)
        question = self._questions.all().get(mac)
        copied = question is not None and question.waits and not question.about_new_device
        if not own and (member.asked or member.beside is not None or copied):
            return Code.MAY_BE_A_CHILDS
        if own or not may_open(household, mac, member.profile):
            return Code.CHILDS_DEVICE
        return None

    def _monotonic(self) -> datetime:
        """Return the loop's clock as a UTC time, so that setting the system clock has no effect on limits."""
        return datetime.fromtimestamp(self._home.loop.now(), UTC)


def _origin(call: Call[AdultProofRequest], proof: AdultProof, by: str) -> str:
    """Return the sender's address for the audit line.

    It is "" for a wallet's proof, of which none is recorded, unless a guardian (``by``) ends it.
    """
    return "" if proof.method is ProofMethod.WALLET and not by else call.text("origin", "")
