"""Validates the path from a proof's signer to a trusted issuer (RFC 5280, ISO 18013-5 annex B)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from gateway.age.certificates import ParsedCertificate, read_certificate
from gateway.age.der import DIGITAL_SIGNATURE, KEY_CERT_SIGN
from gateway.age.documents import Document
from gateway.age.refusals import AgeProofError, Refusal
from gateway.age.trust import Issuer, Trust

MOST_CHAIN = 4  # a signer, two intermediate CAs, and the optional anchor; ISO has no intermediate CAs


def signer(chain: Sequence[bytes], trust: Trust, document: Document, now: datetime) -> ParsedCertificate:
    """Return the first certificate of ``chain`` after validating it up to an issuer of ``document``.

    Revocation is not checked: a query would tell the issuer when and where a proof is used.
    Raises AgeProofError.
    """
    if not 1 <= len(chain) <= MOST_CHAIN:
        raise AgeProofError(Refusal.LONG_CHAIN, f"not 1 to {MOST_CHAIN} certificates")
    path = [read_certificate(data) for data in chain]
    for below, above in pairwise(path):
        if not below.is_issued_by(above):
            raise AgeProofError(Refusal.UNTRUSTED, "a chain with a gap")
    _check_signer(path[0], document, now)
    return _anchored(path, trust, document, now)


def _anchored(
    path: list[ParsedCertificate], trust: Trust, document: Document, now: datetime
) -> ParsedCertificate:
    """Accept any matching issuer: a CA may be listed twice, with its previous and its next certificate."""
    problem = AgeProofError(Refusal.UNTRUSTED)
    for issuer in trust.issuers:
        whole = _up_to(path, issuer)
        if not whole:
            continue
        try:
            _check_issuer(issuer, document, now)
            _check_above(whole, now)
        except AgeProofError as error:
            problem = error
        else:
            return path[0]
    raise problem


def _up_to(path: list[ParsedCertificate], issuer: Issuer) -> list[ParsedCertificate]:
    """Return the path that ends at the issuer; empty if it does not lead there."""
    anchor = issuer.certificate
    for place, certificate in enumerate(path):
        if certificate.data == anchor.data:
            return path[: place + 1]
    return [*path, anchor] if path[-1].is_issued_by(anchor) else []


def _check_issuer(issuer: Issuer, document: Document, now: datetime) -> None:
    if now >= issuer.until:
        raise AgeProofError(Refusal.UNTRUSTED, "its time on the list is over")
    if document not in issuer.documents:
        raise AgeProofError(Refusal.NOT_ITS_DOCUMENT)


def _check_signer(leaf: ParsedCertificate, document: Document, now: datetime) -> None:
    _check_dates(leaf, now)
    extensions = leaf.extensions
    if extensions.ca:
        raise AgeProofError(Refusal.WRONG_PURPOSE, "a CA does not sign proofs itself")
    if extensions.usage is None or DIGITAL_SIGNATURE not in extensions.usage:
        raise AgeProofError(Refusal.WRONG_KEY_USAGE, "the signer's is not for signatures")
    if not extensions.purposes & document.purposes:
        raise AgeProofError(Refusal.WRONG_PURPOSE, "the signer's is not for documents of this kind")


def _check_above(whole: list[ParsedCertificate], now: datetime) -> None:
    """Check the CAs, and that signer and anchor name the same country."""
    for between, ca in enumerate(whole[1:]):
        _check_dates(ca, now)
        extensions = ca.extensions
        if not extensions.ca:
            raise AgeProofError(Refusal.NO_CA)
        if extensions.usage is None or KEY_CERT_SIGN not in extensions.usage:
            raise AgeProofError(Refusal.WRONG_KEY_USAGE, "a CA's is not for certificates")
        if extensions.path_length is not None and between > extensions.path_length:
            raise AgeProofError(Refusal.PATH_LENGTH)
    if whole[-1].countries and whole[0].countries != whole[-1].countries:
        raise AgeProofError(Refusal.WRONG_COUNTRY)


def _check_dates(certificate: ParsedCertificate, now: datetime) -> None:
    if not certificate.not_before <= now <= certificate.not_after:
        raise AgeProofError(Refusal.CERTIFICATE_EXPIRED)
    if certificate.extensions.strange:
        raise AgeProofError(Refusal.CRITICAL_EXTENSION)
