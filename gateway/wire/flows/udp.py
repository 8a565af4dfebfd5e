"""Decides one UDP flow: QUIC and DTLS by their hellos, anything else by its first answer.

Tunnels are judged as soon as either side sends the first message of one. A flow without an answer never
passes: some programs send up to 128 random datagrams before a tunnel's first.

QUIC is decided when the server's Initial decrypts and has a ServerHello that answers judged ClientHellos.
Version Negotiation, Retry, acknowledgements and stateless resets do not count as answers: they are easy to
provoke. DTLS is decided in the same way by its ServerHello. DTLS hellos without a name (video calls) are
judged like any other UDP.
"""

from __future__ import annotations

from collections.abc import Container

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import (
    DROP,
    HOLD,
    FlowAction,
    Judge,
    Recognise,
    Ruling,
    recognise_nothing,
)
from gateway.wire.flows.limits import WEB_PORTS, Limits
from gateway.wire.quic.initials import DatagramKind, Initials, classify, is_google, long_packets
from gateway.wire.tls.dtls import DTLS_RECORD, DtlsHellos, dtls_answer
from gateway.wire.tls.hello import ClientHello
from gateway.wire.tunnels import TunnelSign, look_udp

HTTPS = 443

# QUIC that moved here from another address, was idle for longer than the kernel's timeout, or began before
# the daemon did. It may be anything, and a client that is refused connects again.
_STRAY = Ruling(FlowAction.REFUSED)

_DTLS_STEPS = 4  # for one datagram with a part of a hello
_INITIAL_STEPS = 20  # for one packet with a long header: deriving keys, and trying those of other connections

# Packets of a connection with an Initial that would have been seen.
_LATER = frozenset({DatagramKind.HANDSHAKE, DatagramKind.ZERO_RTT, DatagramKind.RETRY})
# A server's reply to a packet that it does not understand, or in an unsupported version.
_NO_ANSWER = frozenset({DatagramKind.VERSION_NEGOTIATION, DatagramKind.UNKNOWN_VERSION})


class UdpFlow:
    """Decides the datagrams of one UDP flow. ``ruling`` is set once the whole flow is decided."""

    __slots__ = (
        "_dport", "_dst", "_dtls", "_ech_names", "_initials", "_limits", "_longest_short", "_nameless",
        "_others", "_received", "_recognise", "_sent", "_signature", "judged", "ruling", "size", "work",
    )  # fmt: skip

    def __init__(
        self,
        dst: bytes,
        dport: int,
        limits: Limits,
        ech_names: Container[str],
        recognise: Recognise = recognise_nothing,
    ) -> None:
        self._dst = dst  # the server's address, packed, and port
        self._dport = dport
        self._limits = limits
        self._ech_names = ech_names
        self._recognise = recognise
        self._signature: tuple[str, ...] = ()  # services whose signatures the client's datagrams match
        self._initials: Initials | None = None
        self._dtls: DtlsHellos | None = None  # once the client has sent a DTLS hello
        self._nameless: Observation | None = None  # QUIC of another version that the judge allows
        self._sent = 0  # datagrams of the LAN side
        self._received = 0
        self._others = 0  # datagrams sent that are not QUIC
        self._longest_short = 0  # bytes of the longest datagram sent that looks like a short header
        self.judged: dict[Observation, None] = {}  # each distinct observation that was judged
        self.ruling: Ruling | None = None
        self.size = 0  # bytes that count towards the table's limit
        self.work = 0  # parsing work so far, in steps (Effort)

    @property
    def has_hellos(self) -> bool:
        """Whether QUIC Initials were read, which may contain parts of hellos, or a part of a DTLS hello."""
        return self._initials is not None or (self._dtls is not None and self._dtls.half_read)

    @property
    def half_read(self) -> bool:
        """Whether part of an incomplete ClientHello of QUIC was read."""
        return self._initials is not None and self._initials.half_read() is not None

    def count_anew(self) -> None:
        """Count the client's datagrams from zero again, unless a hello is half read.

        Call it when a hello was allowed on a flow next to one that passes: an app may connect any number of
        times from one port. The stored connections stay, since a second hello may follow on each of them.
        They are bounded: MAX_CONNECTIONS, each with a limit of bytes and packets.
        """
        if self._initials is None or self.half_read:
            return
        self._sent = 0
        self._initials.count_anew()
        self.size = self._initials.opened * self._limits.quic_initial_bytes

    @property
    def unanswered(self) -> tuple[Observation, ...]:
        """What was judged of a flow that is forwarded without an answer; empty for other flows."""
        judged = tuple(self.judged)
        return judged if any(seen.fault is Fault.UNANSWERED for seen in judged) else ()

    def take_half_read(self) -> UdpFlow | None:
        """Move the half-read hellos of other connections to a new flow and return it; None if there are none.

        Call it once this flow passes: these hellos are still judged.
        """
        if self._initials is None:
            return None
        rest = UdpFlow(self._dst, self._dport, self._limits, self._ech_names, self._recognise)
        rest._initials, self._initials = self._initials, None
        rest.size = rest._initials.opened * self._limits.quic_initial_bytes
        return rest

    def from_lan(self, payload: bytes, judge: Judge) -> Ruling:
        """Judge the hellos and tunnels that a client's datagram completes; return the action for it."""
        self._sent += 1
        sign = look_udp(payload, self._dport)
        if sign is not None and not self._allows(sign, judge):
            return self.ruling or HOLD
        kind = classify(payload) if sign is None else DatagramKind.OTHER
        if kind is DatagramKind.INITIAL:
            return self._initial(payload, judge)
        if kind is DatagramKind.UNKNOWN_VERSION:
            return self._other_version(payload, judge)
        if kind in _LATER or kind is DatagramKind.SHORT:
            if self._initials is not None:
                # 0-RTT may come with the Initial; nothing else can be sent before the server's hello.
                return self._within_limits(judge) if kind is DatagramKind.ZERO_RTT else DROP
            if kind in _LATER or (self._dport == HTTPS and not self._others):
                # Early data may overtake its Initial.
                return DROP if kind is DatagramKind.ZERO_RTT else _STRAY
            self._longest_short = max(self._longest_short, len(payload))
        self._others += 1
        dtls = self._hellos_of_dtls(payload, judge) if sign is None else None
        if dtls is not None:
            return dtls
        if self._initials is not None:
            return self._within_limits(judge)
        found = self._recognise("udp", payload, self._dport)
        if found and found != self._signature:
            self._signature = tuple(dict.fromkeys(self._signature + found))
        if self._others >= self._limits.unanswered:
            return self._unanswered(judge)
        return HOLD

    def from_server(self, payload: bytes, judge: Judge) -> Ruling:
        """Return the action for a server's datagram, which may be the answer that lets the flow pass."""
        self._received += 1
        sign = look_udp(payload, self._dport)
        if sign is not None and not self._allows(sign, judge):
            return self.ruling or HOLD
        kind = classify(payload) if sign is None else DatagramKind.OTHER
        if self._initials is not None:
            return self._to_initials(kind, payload, judge)
        if kind is DatagramKind.INITIAL or kind in _LATER or (not self._sent and self._is_quic_reply(kind)):
            return DROP  # the answer to an Initial that was not seen
        if self._dtls is not None:
            answer = dtls_answer(payload)
            if answer is not None or self._dtls.half_read or _is_named(self._dtls.last):
                return self._to_dtls(self._dtls, answer is True, judge)
        if kind in _NO_ANSWER or (kind is DatagramKind.SHORT and self._may_be_reset(payload)):
            return HOLD
        if self._nameless is not None:
            return self._settle(FlowAction.PASSES, self._nameless)
        if self._others:
            observation = self._observe(Proto.UDP)
            return self._settle(FlowAction.PASSES if judge(observation) else FlowAction.REFUSED, observation)
        if self._received >= self._limits.unanswered:
            return self._unanswered(judge)
        return HOLD

    def _allows(self, sign: TunnelSign, judge: Judge) -> bool:
        """Judge a tunnel once; return whether it is allowed. If not, set ``ruling`` to REFUSED.

        An allowed one continues as a flow without a name. Too many different tunnels are refused too.
        """
        observation = self._observe(sign.proto, sign.host)._replace(qtype=sign.qtype)
        if observation in self.judged:
            return True
        if len(self.judged) >= self._limits.candidates:
            self._refuse(Fault.OVERFLOW, judge, Proto.UDP)
            return False
        self.judged[observation] = None
        if judge(observation):
            return True
        self._settle(FlowAction.REFUSED, observation)
        return False

    def _may_be_reset(self, payload: bytes) -> bool:
        """Return whether a server's datagram may be a stateless reset of QUIC, which is no answer.

        A reset is always shorter than the packet that provoked it (RFC 9000 §10.3.3). From the limit of
        unanswered datagrams on, only those of a web server's port count as resets.
        """
        few = self._received < self._limits.unanswered or self._dport in WEB_PORTS
        return few and len(payload) < self._longest_short

    def _is_quic_reply(self, kind: DatagramKind) -> bool:
        return kind is DatagramKind.SHORT and self._dport == HTTPS

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
            if observation not in self.judged and len(self.judged) >= self._limits.candidates:
                return self._refuse(Fault.OVERFLOW, judge)
            self.judged[observation] = None
            if not judge(observation):
                return self._settle(FlowAction.REFUSED, observation)
            last = Ruling(FlowAction.HOLD, observation)
        if self._initials.unopened > self._limits.quic_unopened:
            return self._refuse(Fault.OVERFLOW, judge)
        return last if hellos else self._within_limits(judge)

    def _to_initials(self, kind: DatagramKind, payload: bytes, judge: Judge) -> Ruling:
        if kind is DatagramKind.INITIAL and self._initials is not None:
            try:
                answers = self._initials.from_server(payload)
            except WireError:
                return self._refuse(Fault.MALFORMED, judge)
            for answer in answers:
                if not answer.hello.hello_retry:
                    return self._settle(FlowAction.PASSES, self._hello(answer.asked))
        return self._within_limits(judge)

    def _hellos_of_dtls(self, payload: bytes, judge: Judge) -> Ruling | None:
        """Judge the names of the DTLS hellos that a client's datagram completes.

        Return the action for the datagram; None if it is not to be judged as DTLS: it has no hello with a
        name, and no hello needs more bytes.
        """
        if DTLS_RECORD not in payload:
            return None
        hellos = DtlsHellos() if self._dtls is None else self._dtls
        try:
            found = hellos.from_client(payload)
        except WireError:
            return self._refuse(Fault.OVERFLOW, judge, Proto.TLS)
        if not hellos.seen:
            return None
        self._dtls = hellos
        self.size = max(self.size, hellos.size)
        self.work += _DTLS_STEPS
        named = [hello for hello in found if _is_named(hello)]
        for hello in named:
            for observation in self._names(hello):
                if observation in self.judged:
                    continue  # sent again
                if len(self.judged) >= self._limits.candidates:
                    return self._refuse(Fault.OVERFLOW, judge, Proto.TLS)
                self.judged[observation] = None
                if not judge(observation):
                    return self._settle(FlowAction.REFUSED, observation)
        if named:
            return Ruling(FlowAction.HOLD, self._names(named[-1])[0])
        return self._within_limits(judge, Proto.TLS) if hellos.half_read else None

    def _to_dtls(self, hellos: DtlsHellos, answers: bool, judge: Judge) -> Ruling:
        """Return the action for a server's datagram after a client's DTLS hello.

        ``answers``: it has a ServerHello. This decides the flow: it passes with the name of the last hello,
        or is judged as a flow without a name.
        """
        if not answers or hellos.last is None or hellos.half_read:
            return self._within_limits(judge, Proto.TLS)
        if _is_named(hellos.last):
            return self._settle(FlowAction.PASSES, self._names(hellos.last)[0])
        observation = self._observe(Proto.UDP)
        return self._settle(FlowAction.PASSES if judge(observation) else FlowAction.REFUSED, observation)

    def _names(self, hello: ClientHello) -> list[Observation]:
        first = self._hello(hello, Proto.TLS)
        return [first, *[first._replace(host=name) for name in hello.others]]

    def _other_version(self, payload: bytes, judge: Judge) -> Ruling:
        """Judge a client's QUIC packet of a version that cannot be read; return the action for the packet.

        It has no readable host. A reserved version is ignored: it only asks a server for its versions (RFC
        9000 §15).
        """
        if not is_google(payload) and int.from_bytes(payload[1:5], "big") & 0x0F0F0F0F == 0x0A0A0A0A:
            return self._within_limits(judge)
        if self._nameless is None:
            observation = self._observe(Proto.QUIC, fault=Fault.VERSION)
            if not judge(observation):
                # This packet only: the client's next version may be one that can be read.
                return Ruling(FlowAction.REFUSED, observation)
            self._nameless = observation
        return self._within_limits(judge)

    def _within_limits(self, judge: Judge, proto: Proto = Proto.QUIC) -> Ruling:
        if self._sent + self._received > self._limits.quic_datagrams:
            return self._refuse(Fault.OVERFLOW, judge, proto)
        return HOLD

    def _unanswered(self, judge: Judge) -> Ruling:
        """Judge a flow without an answer; return REFUSED, or HOLD: packets are forwarded one by one."""
        observation = self._observe(Proto.UDP, fault=Fault.UNANSWERED)
        if observation not in self.judged:
            self.judged[observation] = None
            if not judge(observation):
                return self._settle(FlowAction.REFUSED, observation)
        return Ruling(FlowAction.HOLD, observation)

    def _refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.QUIC) -> Ruling:
        """Refuse the whole flow for a ``fault``, and return that ruling.

        The judge is notified, but its answer is ignored.
        """
        observation = self._observe(proto, fault=fault)
        judge(observation)
        return self._settle(FlowAction.REFUSED, observation)

    def _settle(self, action: FlowAction, observation: Observation | None) -> Ruling:
        self.ruling = Ruling(action, observation)
        passes = action is FlowAction.PASSES
        self._initials = self._initials.half_read() if passes and self._initials is not None else None
        self._dtls = None
        self.size = 0
        return self.ruling

    def _hello(self, hello: ClientHello, proto: Proto = Proto.QUIC) -> Observation:
        fault = Fault.ECH if hello.hides_name(self._ech_names) else hello.fault
        return self._observe(proto, hello.sni, fault, hello.alpn)

    def _observe(
        self, proto: Proto, host: str | None = None, fault: Fault | None = None, alpn: tuple[str, ...] = ()
    ) -> Observation:
        signature = self._signature if host is None else ()
        return Observation(proto, host, self._dst, self._dport, 0, fault, alpn, signature)


def _is_named(hello: ClientHello | None) -> bool:
    """Return whether a DTLS hello has a name, an invalid name or an encrypted one: these are judged.

    Hellos of video calls have none.
    """
    return hello is not None and (hello.sni is not None or hello.fault is Fault.BAD_NAME or hello.esni)
