"""Each thing that does not fit is one line, which says how to fix it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.web.certificates import MOST, MOST_LINKS, examine
from gateway.web.examined_certificate import ExaminedCertificate, parse_examined
from tests.web.authority import NAME, Pair, TrustedAuthority, self_signed

AUTHORITY = TrustedAuthority()
GOOD = AUTHORITY.issue()
NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=2)


def said(pair: Pair, name: str = NAME) -> list[str]:
    return list(examine(name, pair.chain, pair.key, "chain.pem", "key.pem").all_problems(NOW))


def test_a_chain_with_its_key_and_its_name_is_good() -> None:
    found = examine(NAME, GOOD.chain, GOOD.key)
    assert found.problems == ()
    assert found.dates(NOW) == ""
    assert found.until is not None
    assert found.days_left(NOW) == 59
    assert said(Pair(GOOD.chain + AUTHORITY.root_pem, GOOD.key)) == [], "the root may be there too"
    wild = AUTHORITY.issue("*.gw.isp.test")
    assert said(wild) == []
    assert said(AUTHORITY.issue("other.isp.test", NAME)) == []
    assert said(AUTHORITY.issue(key=rsa.generate_private_key(65537, 2048))) == []


OTHER = AUTHORITY.issue()
LOCKED = load_pem_private_key(GOOD.key, None).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
)
WRONG = {
    "another name": (
        AUTHORITY.issue("www.isp.test"),
        [f"chain.pem is for www.isp.test, not for {NAME}; ask for a certificate of that name"],
    ),
    "a star too high": (
        AUTHORITY.issue("*.isp.test"),
        [f"chain.pem is for *.isp.test, not for {NAME}; ask for a certificate of that name"],
    ),
    "another key": (
        Pair(GOOD.chain, OTHER.key),
        ["key.pem belongs to another certificate; give the key with which chain.pem was requested"],
    ),
    "a locked key": (
        Pair(GOOD.chain, LOCKED),
        ["key.pem is protected by a password; remove it, since the start cannot ask for it"],
    ),
    "no key": (
        Pair(GOOD.chain, b"hello"),
        ["key.pem has no readable key; give a PEM file (BEGIN PRIVATE KEY)"],
    ),
    "the files are swapped": (
        Pair(GOOD.key, GOOD.chain),
        [
            "chain.pem has no readable certificate; give a PEM file (BEGIN CERTIFICATE)",
            "key.pem has no readable key; give a PEM file (BEGIN PRIVATE KEY)",
        ],
    ),
    "the leaf alone": (
        Pair(GOOD.leaf, GOOD.key),
        ["chain.pem has one certificate; give the full chain, with those up to the authority"],
    ),
    "signed by itself": (
        self_signed(),
        ["chain.pem is self-signed, and no browser trusts it; get one from an authority"],
    ),
    "another authority's chain": (
        Pair(GOOD.leaf + TrustedAuthority("Other").root_pem, GOOD.key),
        [
            "certificate 1 of chain.pem is not signed by the next one;"
            " put the name's own first, then each one's authority"
        ],
    ),
    "for clients": (
        AUTHORITY.issue(server=False),
        ["chain.pem is not made for servers; ask for one with serverAuth"],
    ),
    "a key that browsers do not take": (
        AUTHORITY.issue(key=ed25519.Ed25519PrivateKey.generate()),
        ["browsers refuse this type of key; make one with P-256, or RSA of 2048 bits"],
    ),
    "a short key": (
        AUTHORITY.issue(key=rsa.generate_private_key(65537, 1024)),
        ["browsers refuse this type of key; make one with P-256, or RSA of 2048 bits"],
    ),
    "too long": (
        Pair(b"x" * (MOST + 1), GOOD.key),
        ["chain.pem has more than 64 kB; give only the certificate's chain"],
    ),
    "too many": (
        Pair(GOOD.leaf * (MOST_LINKS + 1), GOOD.key),
        [f"chain.pem has 9 certificates, more than {MOST_LINKS}; give the chain of one name only"],
    ),
    "ended": (
        AUTHORITY.issue(days=(-90, -0.5)),
        [f"the certificate expired on {NOW - timedelta(days=0.5):%Y-%m-%d}; renew it"],
    ),
    "not yet good": (
        AUTHORITY.issue(days=(2, 90)),
        [f"the certificate is valid from {SOON:%Y-%m-%d} on, and today is {NOW:%Y-%m-%d}"],
    ),
    "three things at once": (
        Pair(AUTHORITY.issue("www.isp.test", days=(-90, -0.5)).chain, OTHER.key),
        [
            f"chain.pem is for www.isp.test, not for {NAME}; ask for a certificate of that name",
            "key.pem belongs to another certificate; give the key with which chain.pem was requested",
            f"the certificate expired on {NOW - timedelta(days=0.5):%Y-%m-%d}; renew it",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_reported(what: str) -> None:
    pair, lines = WRONG[what]
    assert said(pair) == lines


def in_pem(leaf: bytes) -> bytes:
    body = base64.encodebytes(leaf).decode("ascii")
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n".encode()


def leaf_with(before: bytes, after: bytes) -> bytes:
    """The good one with other bytes of the same number in it; its signature is damaged with that."""
    data = base64.b64decode(b"".join(GOOD.leaf.splitlines()[1:-1]))
    assert before in data
    return in_pem(data.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Lab root, between", b"L\xd8\x01ab root, betwe"),  # an issuer's name that is no UTF-8
        (b"\x06\x03U\x1d\x25", b"\x06\x03U\x1d\x11"),  # one extension twice
        (b"\x82\x1c" + NAME.encode(), b"\x83\x1c" + NAME.encode()),  # a kind of name that nobody reads
        (b"\x06\x08*\x86H\xce=\x03\x01\x07", b"\x06\x08*\x86H\xce=\x03\x01\x7f"),  # an unknown curve
        (b"\x06\x08*\x86H\xce=\x04\x03\x02", b"\x06\x08*\x86H\xce=\x04\x03\x7f"),  # or signature
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"),  # of version 8
    ],
)
def test_a_certificate_that_is_damaged_inside_is_reported(before: bytes, after: bytes) -> None:
    chain = leaf_with(before, after) + GOOD.chain.removeprefix(GOOD.leaf)
    (line,) = said(Pair(chain, GOOD.key))
    assert line == "chain.pem has no readable certificate; give a PEM file (BEGIN CERTIFICATE)"


def test_a_name_of_a_certificate_that_moves_the_cursor_does_not() -> None:
    lines = said(Pair(leaf_with(NAME.encode(), b"\x1b[2J\nx" + NAME[6:].encode()), GOOD.key))
    assert (
        f"chain.pem is for \\x1b[2J\\nx{NAME[6:]}, not for {NAME}; ask for a certificate of that name"
        in lines
    )


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, len(GOOD.chain) - 1))
@settings(max_examples=60, deadline=None)
def test_hostile_bytes_are_a_line(chain: bytes, key: bytes, at: int) -> None:
    for data in (chain, GOOD.chain[:at] + chain + GOOD.chain[at:]):
        found = examine(NAME, data, key)
        assert all("\n" not in line for line in found.problems)


LEAF = load_pem_x509_certificate(GOOD.chain).public_bytes(Encoding.DER)


def pem(data: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % base64.encodebytes(data)


@given(st.lists(st.tuples(st.integers(0, len(LEAF) - 1), st.integers(1, 255)), min_size=1, max_size=3))
@example([(12, 64)])  # its version
@settings(max_examples=300, deadline=None)
def test_a_certificate_with_other_bytes_in_it_is_a_line_too(changes: list[tuple[int, int]]) -> None:
    data = bytearray(LEAF)
    for at, bits in changes:
        data[at] ^= bits
    found = examine(NAME, pem(bytes(data)) + AUTHORITY.root_pem, GOOD.key)
    assert found.problems, "whatever it says, its issuer did not sign it"
    assert all(line.isprintable() for line in found.problems)


def test_an_extension_twice_or_a_key_of_no_curve_is_a_line() -> None:
    twice = LEAF.replace(b"\x06\x03\x55\x1d\x25", b"\x06\x03\x55\x1d\x11")  # its purposes as a second name
    point = LEAF.index(b"\x03\x42\x00\x04") + 4
    nowhere = LEAF[:point] + bytes(64) + LEAF[point + 64 :]
    assert LEAF not in (twice, nowhere)
    for data in (twice, nowhere):
        assert examine(NAME, pem(data), GOOD.key).problems == (
            "chain has no readable certificate; give a PEM file (BEGIN CERTIFICATE)",
        )


def test_the_program_tells_it_as_json(tmp_path: Path) -> None:
    GOOD.put(tmp_path)
    argv = [sys.executable, "-m", "gateway.web.certificates", NAME]
    files = [str(tmp_path / "chain.pem"), str(tmp_path / "key.pem")]
    done = subprocess.run([*argv, *files], capture_output=True, check=True, timeout=30)
    found = parse_examined(json.loads(done.stdout))
    assert found.problems == ()
    assert found.days_left(NOW) == 59
    done = subprocess.run(
        [*argv, files[0], str(tmp_path / "no.pem")], capture_output=True, check=True, timeout=30
    )
    (line,) = parse_examined(json.loads(done.stdout)).problems
    assert line == f"{tmp_path}/no.pem does not exist; create it, or use another path"


@pytest.mark.parametrize("result", [{}, {"problems": "x"}, {"problems": None, "until": 7}])
def test_another_line_tells_of_no_certificate(result: dict[str, object]) -> None:
    assert parse_examined(result) == ExaminedCertificate(("the certificate could not be examined",))
