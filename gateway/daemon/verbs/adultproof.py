"""The verb `adult_proof`: a device that is an adult's for a while, by a guardian's password typed on it, by a
guardian's tap elsewhere, or by a wallet.

The web process makes the digest of the password, and has a wallet's proof verified in a process that ends.
What comes here is that there was one: nothing of it is told, and nothing could be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.control.signins import by_password
from gateway.daemon.devices.family import Member
from gateway.daemon.files.steps import PROGRAM
from gateway.daemon.verbs.slow import Slow
from gateway.daemon.verbs.whom import Whom
from gateway.policy.adultproof import AdultProof, Method, may_open, proven
from gateway.policy.macs import parse_mac
from gateway.policy.openfor import LENGTHS
from gateway.store.given import in_utc

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

SWITCHES = 20  # of one device within ten minutes: each makes the daemon judge all running flows again


class AdultProofVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom
        self._switches = Slow(SWITCHES)

    def table(self) -> Mapping[str, Verb]:
        return {"adult_proof": self.adult_proof}

    def adult_proof(self, request: Request) -> Mapping[str, object]:
        mac = parse_mac(request.text("device"))
        if mac is None:
            request.refuse("device", "is no MAC address such as 02:00:00:00:00:0a")
        if request.choice("action", ("open", "end")) == "end":
            return self._end(request, mac)
        return self._open(request, mac)

    def describe(self, mac: str, member: Member | None) -> dict[str, object]:
        """What the verb `device` says of it: ``adult_proof``, and whether one ``opens`` it."""
        one = self._daemon.adults.of(mac)
        if one is not None:
            return {"adult_proof": self.told(one)}
        return {"opens": True} if self._closed(mac, member) is None else {}

    def opens(self, mac: str) -> bool:
        """Whether a proof opens it, or has."""
        family = self._daemon.family
        return mac in family.opened or self._closed(mac, family.member_of(mac)) is None

    def told(self, one: AdultProof) -> dict[str, object]:
        zone = self._daemon.rules.household.config.zone
        return {"method": one.method, "by": one.by or None, "until": one.until.astimezone(zone)}

    def _open(self, request: Request, mac: str) -> Mapping[str, object]:
        daemon = self._daemon
        length = request.choice("length", LENGTHS)
        method, by = self._who(request)
        ends = request.moment_or_none("until")
        if ends is not None and ends <= daemon.clock.now():
            request.refuse("until", "has passed", Code.HAS_PASSED)
        refused = self._closed(mac, daemon.family.member_of(mac)) if mac not in daemon.family.opened else None
        if refused is not None:
            problem, code = refused
            request.refuse("device", problem, code)
        if daemon.adults.is_full(mac):
            request.refuse("device", "is one too many; close another one first", Code.NO_ROOM)
        self._switches.take(mac, self._tried())
        use = daemon.sharing.use_of(mac)
        if use is not None:
            daemon.sharing.end(mac)
        one = proven(mac, method, length, daemon.local_now(), by=by, sure=daemon.watch.known).at_most(ends)
        kept = AdultProof(mac, method, in_utc(one.at), in_utc(one.until), by, one.span, one.sure)
        daemon.adults.begin(kept, who=by or PROGRAM, origin=_origin(request, kept, by))
        return {"device": mac} | self.told(kept)

    def _end(self, request: Request, mac: str) -> Mapping[str, object]:
        """By a guardian, or on the device itself, where nobody has to say who it is."""
        by = self._whom.guardian(request) if request.has("by") else ""
        one = self._daemon.adults.of(mac)
        if one is None:
            request.refuse("device", "is not open by an adult's proof", Code.NOT_IN_FORCE)
        self._daemon.adults.end(one, by=by or PROGRAM, origin=_origin(request, one, by))
        return {"device": mac}

    def _who(self, request: Request) -> tuple[Method, str]:
        """By what, and by which guardian."""
        if request.has("by"):
            return Method.GUARDIAN, self._whom.guardian(request)
        if request.choice("method", (Method.PASSWORD, Method.WALLET)) == Method.WALLET:
            return Method.WALLET, ""
        account = by_password(self._daemon.store.people, request)
        if not account.guards:
            problem = f"names {account.name}, who is no guardian here"
            request.refuse("name", problem, Code.GUARDIANS_ONLY)
        return Method.PASSWORD, account.name

    def _closed(self, mac: str, member: Member | None) -> tuple[str, Code] | None:
        """Why no proof opens it."""
        if member is None:
            return "is not filtered", Code.NOT_FILTERED
        household, use = self._daemon.rules.household, self._daemon.sharing.use_of(mac)
        if use is not None and use.handed:
            return "is handed over: a parent signs in and takes it back", Code.HANDED_OVER
        own = mac in household.named and not may_open(household, mac, member.profile)
        question = self._daemon.store.questions.all().get(mac)
        copied = question is not None and question.waits and not question.about_stranger
        if not own and (member.asked or member.beside is not None or copied):
            return "may be a child's: a parent says whose it is", Code.MAY_BE_A_CHILDS
        if own or not may_open(household, mac, member.profile):
            return "is a child's own, and stays so", Code.CHILDS_DEVICE
        return None

    def _tried(self) -> datetime:
        return datetime.fromtimestamp(self._daemon.loop.now(), UTC)  # which no jump of the clock moves


def _origin(request: Request, one: AdultProof, by: str) -> str:
    """From which address. Of a wallet's proof no address is kept: what is told is the device, and no more."""
    return "" if one.method is Method.WALLET and not by else request.text("origin", "")
