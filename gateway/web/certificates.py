"""Checks that a certificate chain, its key and a name fit together; returns a line for each problem.

``python -m gateway.web.certificates NAME CHAIN KEY`` prints the result as a line of JSON. The front runs it
in a process that ends, since reading a certificate takes 12 MB.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.age.validity import validity
from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.core.optional_packages import is_installed
from gateway.policy.yaml.fields import shortened
from gateway.web.examined_certificate import ExaminedCertificate

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

MOST = 64 << 10  # bytes of a file; a chain of four has 8 kB
MOST_LINKS = 8  # certificates of a chain; two or three are usual
LEAST_RSA = 2048  # bits (CA/Browser Forum, Baseline Requirements 6.1.5)
CURVES = ("secp256r1", "secp384r1", "secp521r1")
OLD_HASHES = ("md5", "sha1")
NAMES_SHOWN = 4


def examine_files(name: str, chain: Path, key: Path) -> ExaminedCertificate:
    """Return the problems and the validity of a PEM certificate chain and its key, read from files.

    ``name``: the host name that the certificate must be for. A file that cannot be read is a
    further problem. That it has expired is none: see `ExaminedCertificate.dates`.
    """
    read: list[bytes] = []
    problems = []
    for path in (chain, key):
        try:
            read.append(read_bounded(path, MOST))
        except PolicyError as error:
            read.append(b"")
            problems.append(f"{path} {error.problem}; {error.fix}")
    found = examine(name, read[0], read[1], chain.name, key.name)
    return ExaminedCertificate((*problems, *found.problems), found.since, found.until)


def examine(
    name: str, chain: bytes, key: bytes, chain_name: str = "chain", key_name: str = "key"
) -> ExaminedCertificate:
    """Return the problems and the validity of a PEM certificate chain and its key, as bytes.

    ``name``: the host name that the certificate must be for. ``chain_name``, ``key_name``: names of
    the files in messages. Empty data is skipped without a problem: the caller has reported it
    already. An expired certificate is no problem here.
    """
    if not is_installed("cryptography"):
        return ExaminedCertificate(("certificates cannot be read; install the package python3-cryptography",))
    links, problem = _links(chain, chain_name)
    own, key_problem = _key(key, key_name)
    problems = [line for line in (problem, key_problem) if line]
    if not links:
        return ExaminedCertificate(tuple(problems))
    leaf = links[0]
    problems += _leaf_problems(leaf, name, chain_name)
    if own is not None:
        problems += _key_problems(leaf, own, key_name, chain_name)
    problems += _chain_problems(links, chain_name)
    since = max(validity(link)[0] for link in links)
    until = min(validity(link)[1] for link in links)
    return ExaminedCertificate(tuple(problems), since, until)


def _links(chain: bytes, where: str) -> tuple[list[x509.Certificate], str]:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    if not chain:
        return [], ""
    if len(chain) > MOST:
        return [], f"{where} has more than {MOST >> 10} kB; give only the certificate's chain"
    try:
        with warnings.catch_warnings():  # about obsolete serial numbers, for example
            warnings.simplefilter("ignore")
            links = x509.load_pem_x509_certificates(chain)
            for link in links:
                # The library parses these on access, and raises if they are damaged.
                _ = link.extensions, link.subject, link.issuer, link.public_key()
                _ = link.signature_hash_algorithm, validity(link)
    except (
        ValueError,
        TypeError,  # of a name
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return [], f"{where} has no readable certificate; give a PEM file (BEGIN CERTIFICATE)"
    if len(links) > MOST_LINKS:
        return (
            [],
            f"{where} has {len(links)} certificates, more than {MOST_LINKS}; give the chain of one name only",
        )
    return links, ""


def _key(key: bytes, where: str) -> tuple[PrivateKeyTypes | None, str]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not key:
        return None, ""
    try:
        return load_pem_private_key(key, None), ""
    except TypeError:
        return None, f"{where} is protected by a password; remove it, since the start cannot ask for it"
    except (ValueError, UnsupportedAlgorithm):
        return None, f"{where} has no readable key; give a PEM file (BEGIN PRIVATE KEY)"


def _leaf_problems(leaf: x509.Certificate, name: str, where: str) -> list[str]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    problems = []
    named = leaf.extensions
    try:
        alternative = named.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternative.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    if not any(_is_for(pattern.lower(), name) for pattern in names):
        shown = ", ".join(map(shortened, names[:NAMES_SHOWN])) or "no name"
        problems.append(f"{where} is for {shown}, not for {name}; ask for a certificate of that name")
    try:
        if named.get_extension_for_class(x509.BasicConstraints).value.ca:
            problems.append(f"the first certificate of {where} is an authority's; put the name's own first")
    except x509.ExtensionNotFound:
        pass
    try:
        usage = named.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.SERVER_AUTH not in usage:
            problems.append(f"{where} is not made for servers; ask for one with serverAuth")
    except x509.ExtensionNotFound:
        pass
    if _weak(leaf.public_key()):
        problems.append(f"browsers refuse this type of key; make one with P-256, or RSA of {LEAST_RSA} bits")
    return problems


def _is_for(pattern: str, name: str) -> bool:
    """Return whether a certificate's host name matches ``name``. A wildcard is one label (RFC 6125 6.4.3)."""
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def _weak(key: PublicKeyTypes) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size < LEAST_RSA
    return not (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES)


def _key_problems(leaf: x509.Certificate, key: PrivateKeyTypes, key_name: str, chain_name: str) -> list[str]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) == leaf.public_key().public_bytes(*form):
        return []
    return [f"{key_name} belongs to another certificate; give the key with which {chain_name} was requested"]


def _chain_problems(links: Sequence[x509.Certificate], where: str) -> list[str]:
    problems = []
    if links[0].issuer == links[0].subject:
        problems.append(f"{where} is self-signed, and no browser trusts it; get one from an authority")
    elif len(links) == 1:
        problems.append(f"{where} has one certificate; give the full chain, with those up to the authority")
    for number, (link, above) in enumerate(pairwise(links), 1):
        if not _signed(link, above):
            text = f"certificate {number} of {where} is not signed by the next one"
            problems.append(f"{text}; put the name's own first, then each one's authority")
    hashes = (link.signature_hash_algorithm for link in links if link.issuer != link.subject)
    old = {digest.name.upper() for digest in hashes if digest is not None and digest.name in OLD_HASHES}
    problems += [
        f"{where} is signed with {old_hash}, which browsers refuse; get a new one" for old_hash in sorted(old)
    ]
    return problems


def _signed(link: x509.Certificate, above: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        link.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def main(arguments: Iterable[str]) -> int:
    name, chain, key = arguments
    print(json.dumps(examine_files(name, Path(chain), Path(key)).as_json()))  # noqa: T201  the result
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:4]))
