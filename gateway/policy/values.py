"""The values shared by all packages: what was seen on the wire, and what was decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

# Before the id of a law, ``law:au-under-16-social``, and before the two-letter country code of a state's
# register, ``law:kz``. The latter is also the register's category, and begins its owner. A law's id has a
# hyphen; Reason.REGISTER and Reason.LAW say which one decided.
LAW = "law:"


class Proto(StrEnum):
    """The protocol of a query or connection."""

    DNS = "dns"
    TLS = "tls"
    QUIC = "quic"
    HTTP = "http"
    TCP = "tcp"  # a TCP flow in none of the above
    UDP = "udp"  # a UDP flow in none of the above
    OTHER = "other"  # forwarded IP protocols other than TCP, UDP and ICMP that are no known tunnel

    # Tunnels and proxies, detected by their first packets on any port, or by the IP protocol
    # (bypass_methods.py).
    WIREGUARD = "wireguard"
    OPENVPN = "openvpn"
    IPSEC = "ipsec"  # IKE, its NAT traversal, ESP and AH
    L2TP = "l2tp"
    PPTP = "pptp"  # its control connection, and GRE
    IP_IN_IP = "ip_in_ip"  # IPv6 or IPv4 in IP; VXLAN and others in UDP; Teredo to the internet
    TEREDO = "teredo"  # its server and peers: game consoles (gateway/wire/tunnels/ip_in_udp.py)
    MESH = "mesh"  # ZeroTier, Nebula
    SSH = "ssh"
    SOCKS = "socks"
    PROXY = "proxy"  # an HTTP CONNECT


class Fault(StrEnum):
    """An error in a DNS query, hello, packet or flow that its traffic alone shows, whatever the rules."""

    NO_NAME = "no_name"  # a complete hello or request that names no host, or an address
    BAD_NAME = "bad_name"  # a name that is no host name (RFC 1123), or two different names
    ECH = "ech"  # a real, not GREASE, encrypted ClientHello; host is the outer name
    MALFORMED = "malformed"  # no correct client sends this
    FRAGMENT = "fragment"  # the rest of a fragmented transport header
    OVERFLOW = "overflow"  # more undecided bytes than any correct client sends, or bytes that were not read
    UNANSWERED = "unanswered"  # many packets, no answer, no known protocol
    VERSION = "version"  # an unsupported QUIC version


class Verdict(StrEnum):
    ALLOW = "allow"
    BLOCK = "block"
    REWRITE = "rewrite"


class Reason(StrEnum):
    """The reason of a verdict, mostly in the order of decision.

    The order: docs/developers/data-plane.md, section 4.
    """

    HELP = "help"  # the never-block pack
    REFUSED_FOR_EVERYONE = (
        "refused_for_everyone"  # sealed lists, malware and phishing share one outward reason
    )
    REGISTER = "register"  # a state's register that a guardian turned on
    QUARANTINED = "quarantined"
    PAUSED = "paused"
    BEDTIME = "bedtime"
    WINDOW = "window"
    OUT_OF_TIME = "out_of_time"
    DEVICE_NEEDS = "device_needs"  # probes, time, updates, push, certificate status, store sign-in
    LAW = "law"  # a legal rule that a guardian turned on
    HOMEWORK = "homework"
    FAMILY_ALLOW = "family_allow"
    FAMILY_BLOCK = "family_block"
    SERVICE = "service"
    CATEGORY = "category"
    NEW_DOMAIN = "new_domain"
    UNKNOWN_DOMAIN = "unknown_domain"  # in no category, and unknown sites are blocked or need approval
    NOT_ON_LIST = "not_on_list"  # allow-list mode
    SAFE_SEARCH = "safe_search"
    # A search host's name with an address that is not its safe one.
    SAFE_SEARCH_ADDRESS = "safe_search_address"
    NO_NAME = "no_name"
    BAD_NAME = "bad_name"
    ECH = "ech"
    MALFORMED = "malformed"
    FRAGMENT = "fragment"
    OVERFLOW = "overflow"
    UNANSWERED = "unanswered"
    PROTOCOL = "protocol"  # an IP protocol that filtered devices may not use
    ENCRYPTED_DNS = "encrypted_dns"  # DoT, DoQ, DoH, or a resolver on another port than 53
    RELAY = "relay"  # iCloud Private Relay
    VPN = "vpn"
    TOR = "tor"
    PROXY = "proxy"
    SSH = "ssh"
    UNRESOLVED = "unresolved"  # a name with an address that it never resolved to
    RESOLVER_SIGNAL = "resolver_signal"  # canary names that browsers use to detect a filter
    GATEWAY = "gateway"  # the name of the pages
    UNFILTERED = "unfiltered"  # an adult's device, or filtering is off
    OPEN = "open"  # nothing blocks it


# Every other list of the reasons of closed time rules is made from these three.
WHOLE_DEVICE_REASONS = frozenset({Reason.QUARANTINED, Reason.PAUSED, Reason.BEDTIME})
"""The reasons that block a whole device, apart from help lines and some names that devices need."""
TIME_REASONS = frozenset({Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})
"""The reasons of blocks by a time rule: a child may ask for time."""
TEMPORARY_REASONS = WHOLE_DEVICE_REASONS | TIME_REASONS
"""The reasons of blocks that end without a change of rules: with the time, a pause, or a parent's answer."""


class Observation(NamedTuple):
    """One DNS query, TLS or QUIC hello, HTTP request or flow without a host name, as a device sent it.

    A NamedTuple instead of a frozen dataclass: one is created for every query and hello, in half the time.
    """

    proto: Proto
    host: str | None  # normalised: lower case, A-labels, no trailing dot; None if nothing names a host
    dst: bytes = b""  # packed destination address, 4 or 16 bytes; empty when unknown
    dport: int = 0
    qtype: int = 0  # DNS question type (RFC 1035 3.2.2); 0 unless proto is DNS
    fault: Fault | None = None
    alpn: tuple[str, ...] = ()
    signature: tuple[str, ...] = ()  # ids of services that the client's first bytes match; of nameless flows


class RecognitionSign(StrEnum):
    """The property of a connection by which its service was recognised: address, first bytes or port."""

    ADDRESS = "address"  # in the service's published ranges
    FIRST_BYTES = "first_bytes"  # of the client
    PORT = "port"  # and the device queried a name of the service within half an hour


class ServiceRecognition(NamedTuple):
    """The services that were recognised for a connection without their host names, and by which property."""

    services: tuple[str, ...]  # ids
    sign: RecognitionSign


@dataclass(frozen=True, slots=True)
class ExplanationStep:
    """One rule that was checked along with the deciding one, and its result, for `qalqan why`."""

    rule: str  # e.g. "family allow", "service:youtube", "category:games"
    outcome: str  # its result, e.g. "no match", "count", "open until 20:45"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a query or connection, with its reason, the deciding rule, its owner, and its end."""

    verdict: Verdict
    reason: Reason
    # The rule as written, e.g. "block: service:tiktok". The forms: gateway/policy/rule_text.py.
    rule: str
    # Owner of the rule: "family", "guardian:Mum", "self:Dana", "band:10-12", "product"; of a state's register
    # "law:kz", or "law:kz:Mum" with the name of the person who turned it on.
    owner: str
    until: datetime | None = None  # when the decision ends, if the clock ends it
    # The limits and windows that apply to an allowed flow (policy/time/gates.py).
    gates: frozenset[str] = frozenset()
    askable: bool = False  # the rules need approval for it, or a time rule closed it: the child may ask
    rewrite: str | None = None  # the name that answers instead (REWRITE only)
    passed: tuple[ExplanationStep, ...] = ()  # filled only if an explanation was requested
    recognised: ServiceRecognition | None = None  # of a connection that was recognised without a name

    @property
    def allowed(self) -> bool:
        return self.verdict is not Verdict.BLOCK
