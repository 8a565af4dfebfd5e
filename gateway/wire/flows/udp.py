"""One UDP flow until it is decided: QUIC by its hellos, anything else by its first answer.

Tunnels are judged as soon as either side says what one begins with. A flow without an answer is never let go:
programs send up to 128 datagrams of noise ahead of a tunnel's first.

QUIC is decided when the server's Initial opens and holds a ServerHello that answers judged ClientHellos.
Version Negotiation, Retry, acknowledgements and stateless resets answer to nothing: they are easily provoked.
"""

from __future__ import annotations

from collections.abc import Container

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import DROP, HOLD, Action, Judge, Ruling
from gateway.wire.flows.limits import WEB_PORTS, Limits
from gateway.wire.quic.initials import Initials
from gateway.wire.quic.packet import Kind, classify, long_packets
from gateway.wire.tls.hello import ClientHello
from gateway.wire.tunnels import Sign, look_udp

HTTPS = 443

# QUIC that moved here from another address, rested for longer than the kernel remembers, or began before we
# did: it may be anything, and a client that is told so connects again.
_STRAY = Ruling(Action.REFUSED)

_INITIAL_STEPS = 20  # for one packet with a long header: keys, and a try with those of other connections

# Packets that only a connection has whose Initial we would have seen.
_LATER = frozenset({Kind.HANDSHAKE, Kind.ZERO_RTT, Kind.RETRY})
# What a server sends to a packet that it makes nothing of, or in a version that we do not read.
_NO_ANSWER = frozenset({Kind.VERSION_NEGOTIATION, Kind.UNKNOWN_VERSION})


class UdpFlow:
    """State of one 4-tuple. ``ruling`` is set once it is decided for good."""

    __slots__ = (
        "_dport", "_dst", "_ech_names", "_initials", "_limits", "_longest_short", "_nameless",
        "_others", "_received", "_sent", "heard", "ruling", "size", "work",
    )  # fmt: skip

    def __init__(self, dst: bytes, dport: int, limits: Limits, ech_names: Container[str]) -> None:
        self._dst = dst  # the server's address, packed, and port
        self._dport = dport
        self._limits = limits
        self._ech_names = ech_names
        self._initials: Initials | None = None
        self._nameless: Observation | None = None  # QUIC of another version that the judge lets through
        self._sent = 0  # datagrams of the LAN side
        self._received = 0
        self._others = 0  # of those sent, the ones that are no QUIC
        self._longest_short = 0  # bytes of the longest datagram sent that looks like a short header
        self.heard: dict[Observation, None] = {}  # names that were judged, each distinct one once
        self.ruling: Ruling | None = None
        self.size = 0  # bytes to account for
        self.work = 0  # steps taken so far, see Effort

    @property
    def has_hellos(self) -> bool:
        """Whether Initials were read, which may hold parts of hellos."""
        return self._initials is not None

    @property
    def half_read(self) -> bool:
        """Whether parts of a hello were read that is not whole yet."""
        return self._initials is not None and self._initials.half_read() is not None

    def rest(self) -> UdpFlow | None:
        """Of a flow that passes now: half-read hellos of other connections, which go on being judged."""
        if self._initials is None:
            return None
        rest = UdpFlow(self._dst, self._dport, self._limits, self._ech_names)
        rest._initials, self._initials = self._initials, None
        rest.size = rest._initials.opened * self._limits.quic_initial_bytes
        return rest

    def from_lan(self, payload: bytes, judge: Judge) -> Ruling:
        self._sent += 1
        sign = look_udp(payload, self._dport)
        if sign is not None and not self._allows(sign, judge):
            return self.ruling or HOLD
        kind = classify(payload) if sign is None else Kind.OTHER
        if kind is Kind.INITIAL:
            return self._initial(payload, judge)
        if kind is Kind.UNKNOWN_VERSION:
            return self._other_version(payload, judge)
        if kind in _LATER or kind is Kind.SHORT:
            if self._initials is not None:
                # 0-RTT rides along; nothing else can be sent before the server's hello.
                return self._within_limits(judge) if kind is Kind.ZERO_RTT else DROP
            if kind in _LATER or (self._dport == HTTPS and not self._others):
                return DROP if kind is Kind.ZERO_RTT else _STRAY  # early data may overtake its Initial
            self._longest_short = max(self._longest_short, len(payload))
        self._others += 1
        if self._initials is not None:
            return self._within_limits(judge)
        if self._others >= self._limits.unanswered:
            return self._unanswered(judge)
        return HOLD

    def from_server(self, payload: bytes, judge: Judge) -> Ruling:
        self._received += 1
        sign = look_udp(payload, self._dport)
        if sign is not None and not self._allows(sign, judge):
            return self.ruling or HOLD
        kind = classify(payload) if sign is None else Kind.OTHER
        if self._initials is not None:
            return self._to_initials(kind, payload, judge)
        if kind is Kind.INITIAL or kind in _LATER or (not self._sent and self._is_quic_reply(kind)):
            return DROP  # the answer to an Initial that we have not seen
        if kind in _NO_ANSWER or (kind is Kind.SHORT and self._may_be_reset(payload)):
            return HOLD
        if self._nameless is not None:
            return self._settle(Action.PASSES, self._nameless)
        if self._others:
            observation = self._observe(Proto.UDP)
            return self._settle(Action.PASSES if judge(observation) else Action.REFUSED, observation)
        if self._received >= self._limits.unanswered:
            return self._unanswered(judge)
        return HOLD

    def _allows(self, sign: Sign, judge: Judge) -> bool:
        """Judge a tunnel once; what may pass goes on as a flow without a name, else ``ruling`` is set."""
        observation = self._observe(sign.proto, sign.host)._replace(qtype=sign.qtype)
        if observation in self.heard:
            return True
        if len(self.heard) >= self._limits.candidates:
            self._refuse(Fault.OVERFLOW, judge, Proto.UDP)
            return False
        self.heard[observation] = None
        if judge(observation):
            return True
        self._settle(Action.REFUSED, observation)
        return False

    def _may_be_reset(self, payload: bytes) -> bool:
        """A stateless reset is always shorter than what provoked it (RFC 9000 10.3.3), and where no web
        server is, nobody sends many.
        """
        few = self._received < self._limits.unanswered or self._dport in WEB_PORTS
        return few and len(payload) < self._longest_short

    def _is_quic_reply(self, kind: Kind) -> bool:
        return kind is Kind.SHORT and self._dport == HTTPS

    def _initial(self, payload: bytes, judge: Judge) -> Ruling:
        if self._initials is None:
            self._initials = Initials()
        self.work += _INITIAL_STEPS * len(long_packets(payload))
        before = self._initials.frames
        try:
            hellos = self._initials.from_client(payload)
        except WireError:
            return self._refuse(Fault.MALFORMED, judge)
        self.work += self._initials.frames - before
        self.size = self._initials.opened * self._limits.quic_initial_bytes
        last = HOLD
        for hello in hellos:
            observation = self._hello(hello)
            if observation not in self.heard and len(self.heard) >= self._limits.candidates:
                return self._refuse(Fault.OVERFLOW, judge)
            self.heard[observation] = None
            if not judge(observation):
                return self._settle(Action.REFUSED, observation)
            last = Ruling(Action.HOLD, observation)
        if self._initials.unopened > self._limits.quic_unopened:
            return self._refuse(Fault.OVERFLOW, judge)
        return last if hellos else self._within_limits(judge)

    def _to_initials(self, kind: Kind, payload: bytes, judge: Judge) -> Ruling:
        if kind is Kind.INITIAL and self._initials is not None:
            try:
                answers = self._initials.from_server(payload)
            except WireError:
                return self._refuse(Fault.MALFORMED, judge)
            for answer in answers:
                if not answer.hello.hello_retry:
                    return self._settle(Action.PASSES, self._hello(answer.asked))
        return self._within_limits(judge)

    def _other_version(self, payload: bytes, judge: Judge) -> Ruling:
        """QUIC that we cannot read names no host. A reserved version is let go: it asks a server for its
        versions and nothing else (RFC 9000 section 15).
        """
        if int.from_bytes(payload[1:5], "big") & 0x0F0F0F0F == 0x0A0A0A0A:
            return self._within_limits(judge)
        if self._nameless is None:
            observation = self._observe(Proto.QUIC, fault=Fault.VERSION)
            if not judge(observation):
                # This packet only: the client's next version may be one that can be read.
                return Ruling(Action.REFUSED, observation)
            self._nameless = observation
        return self._within_limits(judge)

    def _within_limits(self, judge: Judge) -> Ruling:
        if self._sent + self._received > self._limits.quic_datagrams:
            return self._refuse(Fault.OVERFLOW, judge)
        return HOLD

    def _unanswered(self, judge: Judge) -> Ruling:
        """Bands may refuse it; what goes on goes on packet by packet."""
        observation = self._observe(Proto.UDP, fault=Fault.UNANSWERED)
        if observation not in self.heard:
            self.heard[observation] = None
            if not judge(observation):
                return self._settle(Action.REFUSED, observation)
        return Ruling(Action.HOLD, observation)

    def _refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.QUIC) -> Ruling:
        """Refuse whatever the judge says, who hears of it all the same."""
        observation = self._observe(proto, fault=fault)
        judge(observation)
        return self._settle(Action.REFUSED, observation)

    def _settle(self, action: Action, observation: Observation | None) -> Ruling:
        self.ruling = Ruling(action, observation)
        passes = action is Action.PASSES
        self._initials = self._initials.half_read() if passes and self._initials is not None else None
        self.size = 0
        return self.ruling

    def _hello(self, hello: ClientHello) -> Observation:
        fault = Fault.ECH if hello.hides_name(self._ech_names) else hello.fault
        return self._observe(Proto.QUIC, hello.sni, fault, hello.alpn)

    def _observe(
        self, proto: Proto, host: str | None = None, fault: Fault | None = None, alpn: tuple[str, ...] = ()
    ) -> Observation:
        return Observation(proto, host, self._dst, self._dport, fault=fault, alpn=alpn)
