"""Reasons for refusing an adult proof, and the advice that the user gets for each."""

from __future__ import annotations

from enum import StrEnum

from gateway.core.errors import GatewayError


class Advice(StrEnum):
    """The advice for the user after a proof of age was not accepted. Several reasons share one."""

    AGAIN = "again"  # start over: the request has expired or differs, or the response is damaged
    WALLET = "wallet"  # the proof in the wallet has expired or is not valid yet; get a new one there
    ISSUER = "issuer"  # the issuer is unknown, or may not issue this type of proof
    LESS = "less"  # the wallet sent more than was requested; all of it was dropped
    NOT_ADULT = "not_adult"  # the proof does not say that the holder is 18 or older
    FORGED = "forged"  # all other reasons: a signature, digest, certificate or field is invalid
    GATEWAY = "gateway"  # the trust file is missing, damaged or expired


class ProofRefusal(StrEnum):
    """The reason why a proof of age was not accepted. A value never changes its meaning."""

    # The request.
    REPLAYED = "replayed"  # no request waits for this response: it was answered before, or never sent
    LATE = "late"  # the request has expired
    BAD_CHALLENGE = "bad_challenge"  # the stored challenge was not made by `ask`
    BAD_ORIGIN = "bad_origin"  # only an https page can send a request

    # The response.
    TOO_LARGE = "too_large"
    BAD_ANSWER = "bad_answer"  # not the Digital Credentials API's object, not this protocol, not base64url
    NOT_SEALED = "not_sealed"  # encrypted for another session or origin, or damaged
    BAD_CBOR = "bad_cbor"

    # Its content.
    BAD_RESPONSE = "bad_response"  # no DeviceResponse: a key is missing, unknown, or has the wrong type
    WRONG_VERSION = "wrong_version"
    WRONG_STATUS = "wrong_status"  # the wallet reports an error
    NO_DOCUMENT = "no_document"
    MANY_DOCUMENTS = "many_documents"
    WRONG_DOCUMENT = "wrong_document"  # a docType that was not requested, or that the signature contradicts
    WRONG_NAMESPACE = "wrong_namespace"
    NOT_DISCLOSED = "not_disclosed"  # the requested element is missing
    OVER_DISCLOSED = "over_disclosed"
    NOT_ADULT = "not_adult"  # its value is not true

    # The issuer's signature.
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_KEY = "wrong_key"  # the key is not on the algorithm's curve
    ISSUER_SIGNATURE = "issuer_signature"
    DIGEST = "digest"  # an element differs from the signed one
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    BAD_VALIDITY = "bad_validity"  # its dates contradict each other, or the signer's certificate

    # The issuer.
    BAD_CERTIFICATE = "bad_certificate"
    LONG_CHAIN = "long_chain"
    UNTRUSTED = "untrusted"
    NOT_ITS_DOCUMENT = "not_its_document"  # this issuer may issue proofs, but not of this docType
    CERTIFICATE_EXPIRED = "certificate_expired"  # or is not valid yet
    WRONG_PURPOSE = "wrong_purpose"  # the signer has a CA's certificate, or none for this document
    WRONG_KEY_USAGE = "wrong_key_usage"
    NO_CA = "no_ca"  # a certificate in the chain may not issue others
    PATH_LENGTH = "path_length"  # a CA is further from the signer than allowed
    WRONG_COUNTRY = "wrong_country"  # the signer's certificate and its CA's name different countries
    CRITICAL_EXTENSION = "critical_extension"  # an unknown critical extension of a certificate

    # The holder.
    DEVICE_MAC = "device_mac"  # a MAC instead of a signature; not supported
    DEVICE_SIGNATURE = "device_signature"  # made with another key, or for another request

    # The trust file.
    TRUST_BROKEN = "trust_broken"
    TRUST_SIGNATURE = "trust_signature"
    TRUST_EXPIRED = "trust_expired"

    @property
    def advice(self) -> Advice:
        return _ADVICE.get(self, Advice.FORGED)


_ADVICE: dict[ProofRefusal, Advice] = {
    ProofRefusal.REPLAYED: Advice.AGAIN,
    ProofRefusal.LATE: Advice.AGAIN,
    ProofRefusal.BAD_CHALLENGE: Advice.AGAIN,
    ProofRefusal.BAD_ORIGIN: Advice.GATEWAY,
    ProofRefusal.TOO_LARGE: Advice.LESS,
    ProofRefusal.BAD_ANSWER: Advice.AGAIN,
    ProofRefusal.NOT_SEALED: Advice.AGAIN,
    ProofRefusal.BAD_CBOR: Advice.AGAIN,
    ProofRefusal.BAD_RESPONSE: Advice.AGAIN,
    ProofRefusal.WRONG_VERSION: Advice.WALLET,
    ProofRefusal.WRONG_STATUS: Advice.WALLET,
    ProofRefusal.NO_DOCUMENT: Advice.WALLET,
    ProofRefusal.NOT_DISCLOSED: Advice.WALLET,
    ProofRefusal.MANY_DOCUMENTS: Advice.LESS,
    ProofRefusal.OVER_DISCLOSED: Advice.LESS,
    ProofRefusal.NOT_ADULT: Advice.NOT_ADULT,
    ProofRefusal.EXPIRED: Advice.WALLET,
    ProofRefusal.NOT_YET_VALID: Advice.WALLET,
    ProofRefusal.UNTRUSTED: Advice.ISSUER,
    ProofRefusal.NOT_ITS_DOCUMENT: Advice.ISSUER,
    ProofRefusal.CERTIFICATE_EXPIRED: Advice.ISSUER,
    ProofRefusal.DEVICE_MAC: Advice.WALLET,
    ProofRefusal.TRUST_BROKEN: Advice.GATEWAY,
    ProofRefusal.TRUST_SIGNATURE: Advice.GATEWAY,
    ProofRefusal.TRUST_EXPIRED: Advice.GATEWAY,
}


class AgeProofError(GatewayError, ValueError):
    """Raised if a proof of age is not accepted.

    The message names the reason, and has no data from the wallet.
    """

    def __init__(self, refusal: ProofRefusal, why: str = "") -> None:
        super().__init__(f"adult proof: {refusal.value.replace('_', ' ')}{': ' if why else ''}{why}")
        self.refusal = refusal
