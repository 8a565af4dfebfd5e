"""Why an adult proof is refused: one name for each cause, and for a person what to do next."""

from __future__ import annotations

from enum import StrEnum

from gateway.core.errors import GatewayError


class Told(StrEnum):
    """What a person can do about it. Pages have words for these, not for each cause."""

    AGAIN = "again"  # begin anew: the question is over, or the answer was for another one, or it is damaged
    WALLET = "wallet"  # the proof in the wallet has ended or has not begun; the wallet gets a new one
    ISSUER = "issuer"  # whose proof it is, is not known here, or may not give proofs of this kind
    LESS = "less"  # the wallet sent more than it was asked for; all of it was dropped
    NOT_ADULT = "not_adult"  # the proof says something else than that somebody is 18
    FORGED = "forged"  # a signature, a digest or a certificate is not what it has to be
    GATEWAY = "gateway"  # the file that says whose proofs count is missing, damaged or too old


class Refusal(StrEnum):
    """A name never changes its meaning."""

    # The question.
    REPLAYED = "replayed"  # no question waits for this answer: it was answered before, or never asked
    LATE = "late"  # the question has ended
    BAD_CHALLENGE = "bad_challenge"  # what was kept of the question is not what `ask` made
    BAD_ORIGIN = "bad_origin"  # a question can be asked by a page of https alone

    # The answer.
    TOO_LARGE = "too_large"
    BAD_ANSWER = "bad_answer"  # not the Digital Credentials API's object, not this protocol, not base64url
    NOT_SEALED = "not_sealed"  # for this question and this page: another session, another origin, or damage
    BAD_CBOR = "bad_cbor"

    # What is in it.
    BAD_RESPONSE = "bad_response"  # no DeviceResponse: a key is missing, unknown, or of the wrong kind
    WRONG_VERSION = "wrong_version"
    WRONG_STATUS = "wrong_status"  # the wallet says that something went wrong
    NO_DOCUMENT = "no_document"
    MANY_DOCUMENTS = "many_documents"
    WRONG_DOCUMENT = "wrong_document"  # a docType that was not asked for, or another one in what is signed
    WRONG_NAMESPACE = "wrong_namespace"
    NOT_DISCLOSED = "not_disclosed"  # the one element that was asked for is not there
    OVER_DISCLOSED = "over_disclosed"
    NOT_ADULT = "not_adult"  # its value is not true

    # What the issuer signed.
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_KEY = "wrong_key"  # a key that is not of the algorithm's curve, or no point of it
    ISSUER_SIGNATURE = "issuer_signature"
    DIGEST = "digest"  # an element is not the one that was signed
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    BAD_VALIDITY = "bad_validity"  # its dates contradict each other, or its signer's certificate

    # Who the issuer is.
    BAD_CERTIFICATE = "bad_certificate"
    LONG_CHAIN = "long_chain"
    UNTRUSTED = "untrusted"
    NOT_ITS_DOCUMENT = "not_its_document"  # this issuer may give out proofs, but not of this docType
    CERTIFICATE_EXPIRED = "certificate_expired"  # or is not valid yet
    WRONG_PURPOSE = "wrong_purpose"  # the signer's certificate is not for mdocs (EKU 1.0.18013.5.1.2)
    WRONG_KEY_USAGE = "wrong_key_usage"
    NO_CA = "no_ca"  # somebody issues certificates who may not
    PATH_LENGTH = "path_length"  # a CA stands further from the signer than it may
    WRONG_COUNTRY = "wrong_country"  # the signer's certificate names another one than its CA's
    CRITICAL_EXTENSION = "critical_extension"  # of a certificate, not understood here

    # Who holds it.
    DEVICE_MAC = "device_mac"  # a MAC in place of a signature; not taken here
    DEVICE_SIGNATURE = "device_signature"  # made by another key, or for another question

    # Whose proofs count.
    TRUST_BROKEN = "trust_broken"
    TRUST_SIGNATURE = "trust_signature"
    TRUST_EXPIRED = "trust_expired"

    @property
    def told(self) -> Told:
        return _TOLD.get(self, Told.FORGED)


_TOLD: dict[Refusal, Told] = {
    Refusal.REPLAYED: Told.AGAIN,
    Refusal.LATE: Told.AGAIN,
    Refusal.BAD_CHALLENGE: Told.AGAIN,
    Refusal.BAD_ORIGIN: Told.GATEWAY,
    Refusal.TOO_LARGE: Told.LESS,
    Refusal.BAD_ANSWER: Told.AGAIN,
    Refusal.NOT_SEALED: Told.AGAIN,
    Refusal.BAD_CBOR: Told.AGAIN,
    Refusal.BAD_RESPONSE: Told.AGAIN,
    Refusal.WRONG_VERSION: Told.WALLET,
    Refusal.WRONG_STATUS: Told.WALLET,
    Refusal.NO_DOCUMENT: Told.WALLET,
    Refusal.NOT_DISCLOSED: Told.WALLET,
    Refusal.MANY_DOCUMENTS: Told.LESS,
    Refusal.OVER_DISCLOSED: Told.LESS,
    Refusal.NOT_ADULT: Told.NOT_ADULT,
    Refusal.EXPIRED: Told.WALLET,
    Refusal.NOT_YET_VALID: Told.WALLET,
    Refusal.UNTRUSTED: Told.ISSUER,
    Refusal.NOT_ITS_DOCUMENT: Told.ISSUER,
    Refusal.CERTIFICATE_EXPIRED: Told.ISSUER,
    Refusal.DEVICE_MAC: Told.WALLET,
    Refusal.TRUST_BROKEN: Told.GATEWAY,
    Refusal.TRUST_SIGNATURE: Told.GATEWAY,
    Refusal.TRUST_EXPIRED: Told.GATEWAY,
}


class AgeProofError(GatewayError, ValueError):
    """The only exception of this room. Its words say what was wrong, never what a wallet sent."""

    def __init__(self, refusal: Refusal, why: str = "") -> None:
        super().__init__(f"adult proof: {refusal.value.replace('_', ' ')}{': ' if why else ''}{why}")
        self.refusal = refusal
