"""Checks of connections: a blocked site by its name, without a name, and in unusual packets."""

from __future__ import annotations

from gateway.audit.checks import Check

_SITES, _NAMELESS, _TRICKS = "A refused site", "Connections that name no site", "Tricks"
_STRICT = "strict: true"
_DRAFT = 0xFF00001D  # QUIC draft 29 of 2020: browsers no longer use it, and the filter cannot read it


def _hello(**job: object) -> dict[str, object]:
    return {"probe": "hello", "to": "@far", "port": 443, "name": "@refused", **job}


def _quic(**job: object) -> dict[str, object]:
    return {"probe": "quic", "to": "@far", "port": 443, "name": "@refused", **job}


def _request(line: str, *fields: str) -> dict[str, object]:
    text = "".join(f"{part}\r\n" for part in (line, *fields, ""))
    return {"probe": "request", "to": "@far", "port": 80, "name": "@refused", "text": text}


def _site(ident: str, title: str, job: dict[str, object]) -> Check:
    return Check(ident, title, _SITES, job, "")


def _nameless(ident: str, title: str, job: dict[str, object]) -> Check:
    return Check(ident, title, _NAMELESS, job, _STRICT, "strict")


def _trick(ident: str, title: str, job: dict[str, object]) -> Check:
    return Check(ident, title, _TRICKS, job, "")


CHECKS = (
    _site("tls", "over TLS, at an innocent address", _hello()),
    _site("tls-port", "over TLS on another port", _hello(port=8443)),
    _site("quic", "over QUIC", _quic()),
    _site("quic-port", "over QUIC on another port", _quic(port=8443)),
    _site("quic-version", "over QUIC in a version that nobody can read", _quic(version=_DRAFT)),
    _site("http", "over plain HTTP", _request("GET / HTTP/1.1", "Host: @refused")),
    _site(
        "http-absolute",
        "HTTP, whole address in the request",
        _request("GET http://@refused/ HTTP/1.1", "Host: @allowed"),
    ),
    _site("http-letters", "HTTP, in odd letters, spaces and dots", _request("GET / HTTP/1.1", "hOsT:\t@odd")),
    _site(
        "http-second",
        "HTTP, the second request behind an allowed one",
        _request("GET / HTTP/1.1", "Host: @allowed", "", "GET / HTTP/1.1", "Host: @refused"),
    ),
    _site("other-address", "from another IP address of the device", _hello(src="@second")),
    _nameless("no-name", "TLS without a name", _hello(name=None)),
    _nameless("address-name", "TLS with an address in the name's place", _hello(name="203.0.113.80")),
    Check("bad-name", "TLS with an impossible name", _NAMELESS, _hello(name="-not a name-"), ""),
    _nameless("fronting", "an allowed name at an address not its own", _hello(name="@allowed")),
    _nameless("fronting-quic", "the same over QUIC", _quic(name="@allowed")),
    _nameless(
        "fronting-http",
        "the same over HTTP",
        _request("GET / HTTP/1.1", "Host: @allowed") | {"name": "@allowed"},
    ),
    _nameless(
        "bare",
        "an address by hand, in no known protocol",
        {"probe": "stream", "to": "@far", "port": 4321, "send": b"audit: something new\n".hex()},
    ),
    _nameless(
        "bare-udp",
        "the same over UDP",
        {"probe": "datagram", "to": "@far", "port": 4321, "send": b"audit: something new\n".hex()},
    ),
    _trick("split", "the hello in two pieces, cut inside the name", _hello(trick="split")),
    _trick("bytewise", "the hello with the name one byte a segment", _hello(trick="bytewise")),
    _trick("backwards", "the hello's pieces in the wrong order", _hello(trick="backwards")),
    _trick("records", "the hello in TLS records of ten bytes", _hello(record=10)),
    _trick("records-one", "the hello in TLS records of one byte", _hello(record=1)),
    _trick(
        "short-lived",
        "a fake hello ahead that dies on the way",
        _hello(trick="short_lived", decoy="@allowed"),
    ),
    _trick(
        "bad-checksum",
        "a fake hello ahead with a wrong checksum",
        _hello(trick="bad_checksum", decoy="@allowed"),
    ),
    _trick(
        "old-number", "a fake hello ahead with an old number", _hello(trick="old_number", decoy="@allowed")
    ),
    _trick(
        "overlap",
        "a fake name that dies, in the real one's place",
        _hello(trick="overlapped", decoy="@allowed"),
    ),
    _trick("urgent", "an urgent byte inside the name", _hello(trick="urgent")),
    _trick("on-syn", "the hello with the first packet of all", _hello(trick="on_syn")),
    _trick("fragments", "the hello in IP fragments", _hello(trick="fragmented")),
    _trick(
        "http-split",
        "HTTP, the request cut inside the name",
        _request("GET / HTTP/1.1", "Host: @refused") | {"trick": "split"},
    ),
    _trick("quic-pieces", "QUIC, the hello shuffled over two datagrams", _quic(pieces=6)),
)
