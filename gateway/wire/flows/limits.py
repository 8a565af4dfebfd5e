"""The named limits of undecided flows. Each one is above what any correct client needs, and no more."""

from __future__ import annotations

from dataclasses import dataclass

# Ports of web servers, which answer: a flow to one of them is never let through for want of an answer. The
# later ones are those on which Cloudflare serves every site that it carries.
WEB_PORTS = frozenset(
    (80, 443, 8080, 8443, 2052, 2053, 2082, 2083, 2086, 2087, 2095, 2096, 8880)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one FlowTable. Bytes, packets, seconds, counts; the defaults are for a router with 128 MB."""

    flows: int = 4096  # a household's undecided flows are tens; refused UDP and open plain HTTP stay a while
    table_bytes: int = 8 << 20  # all buffers together; past it the flow that was idle longest starts again
    stream_bytes: int = 32 << 10  # one direction: a 16 KiB record of hello, and as much early data after it
    readings_bytes: int = 64 << 10  # all readings of one direction: 32 of a 2 kB hello
    readings: int = 32  # five overlaps that differ; tools that do this send one or two
    pieces: int = 512  # gaps of one direction: a 2 kB hello in segments of 5 bytes, in any order
    urgent_bytes: int = 2  # urgent pointers of one flow; a browser sends none, the tools that do send one
    candidates: int = (
        32  # places of one stream where a hello or request seems to begin; pipelining reaches a few
    )
    unanswered: int = 16  # packets with payload in one direction, no answer, no protocol that we know
    quic_unopened: int = 16  # Initials of one flow that do not open: strays, and fakes sent ahead
    quic_datagrams: int = 64  # of one flow before the server's hello: a large hello takes 2 to 8, then resent
    quic_initial_bytes: int = (
        8 << 10
    )  # accounted for each Initial that opened: it can claim 32 KiB, none does
    http_history: int = 16 << 10  # request bytes kept to compare with what is resent; servers cap headers so
    foreign_bytes: int = 24 << 10  # of a protocol that is none of ours, before old ones are let go
    foreign_kept: int = 8 << 10  # of these then: a hello may follow in it
    http_frames: int = 1024  # heads and chunk lines kept to compare: a megabyte of chunks of 1 kB
    work_rate: int = (
        50_000  # steps a second for one device, about a fifth of a PC's core; 400 hellos take 19,000
    )
    work_burst: int = 100_000  # steps at once: a page that opens 100 connections in the worst legal way
    age: float = 60.0  # undecided and idle: servers give up on a handshake after 10 to 60 s
    # Plain HTTP that waits for its first answer is refused when it goes on later than that. Once answered it
    # only lets go of its bytes: a download or a wait for news may take hours.
    open_http_age: float = 300.0
    udp_age: float = 120.0  # a decided UDP flow that is remembered here: conntrack's time for answered ones
    # What stands in a request's body is a request to servers that do not read that body. Only who looks back
    # at what was said, and stops nothing, may believe the body's length.
    bodies: bool = True
    settled_age: float = 2.0  # packets that were in the queue already when their flow was decided
