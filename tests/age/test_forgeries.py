"""What is refused, each by its name: a whole answer each time, by a wallet that lies in one thing alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.age.dcapi import LIFETIME, MOST_ANSWER, Challenge, ask
from gateway.age.documents import Method
from gateway.age.proof import ProvenAdult, verify
from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.trust import Trust, read_trust
from gateway.age.waiting import OpenChallenges
from tests.age.wallet import (
    EU_AV,
    MDL,
    NOW,
    TRUST_PUBLIC,
    Authority,
    Issuer,
    Wallet,
    b64,
    new_key,
    sign1,
    signer_below,
    tagged,
    transcript,
    trust_file,
    unb64,
)

ORIGIN = "https://gw.home.test"
LASTING = timedelta(hours=4)
READER = x509.ObjectIdentifier("1.0.18013.5.1.6")


def trust_of(*issuers: Issuer) -> Trust:
    return read_trust(trust_file(*issuers), TRUST_PUBLIC)


@dataclass
class Session:
    """A gateway's question, and whose proofs it takes."""

    issuer: Issuer = field(default_factory=Issuer)
    trusted: Issuer | None = None
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.trust = trust_of(self.trusted or self.issuer)
        self.request, self.challenge = new_question()

    def info(self) -> str:
        return str(self.request["digital"]["requests"][0]["data"]["encryptionInfo"])

    def checked(self, answer: str | dict[str, Any]) -> ProvenAdult:
        read = json.loads(answer) if isinstance(answer, str) else answer
        return verify(read, self.challenge, self.trust, self.now, LASTING)

    def shown(self, wallet: Wallet, change: Callable[[dict[str, Any]], None]) -> ProvenAdult:
        """An answer in which something was changed before it was sealed."""
        wanted = {space: ["age_over_18"] for space in wallet.credential.items}
        response = wallet.response(transcript(self.info(), ORIGIN), wanted)
        change(response)
        return self.checked(wallet.sealed(cbor2.dumps(response), self.info(), ORIGIN))


_seed = count()


def new_question() -> tuple[dict[str, Any], Challenge]:
    return ask(ORIGIN, NOW, hashlib.sha512(str(next(_seed)).encode()).digest())


def honest(
    issuer: Issuer, trusted: Issuer | None = None, document: str = EU_AV, **changed: Any
) -> ProvenAdult:
    """All as it should be, but for what ``issuer`` is or says."""
    session = Session(issuer, trusted)
    return session.checked(Wallet(issuer, document, changed).answer(session.request, ORIGIN))


def changed(change: Callable[[dict[str, Any]], None], document: str = EU_AV) -> ProvenAdult:
    session = Session()
    return session.shown(Wallet(session.issuer, document), change)


@pytest.mark.parametrize(("document", "method"), [(EU_AV, Method.EU_AV), (MDL, Method.MDL)])
def test_an_honest_answer_is_one_bit_an_end_and_a_method(document: str, method: Method) -> None:
    adult = honest(Issuer(), document=document)
    assert adult == ProvenAdult(NOW + LASTING, method)
    assert adult.__slots__ == ("until", "method")


def test_the_end_is_never_behind_the_proofs_own() -> None:
    assert honest(Issuer(), ends=timedelta(minutes=10, seconds=59)).until == NOW + timedelta(minutes=10)
    with pytest.raises(AgeProofError) as refused:
        honest(Issuer(), ends=timedelta(seconds=59))
    assert refused.value.refusal is ProofRefusal.EXPIRED


def test_the_end_is_not_behind_its_signers_certificate_either() -> None:
    root = Authority("Test root")
    issuer = Issuer(root, signer_below(root, ends=timedelta(minutes=20)))
    assert honest(issuer).until == NOW + timedelta(minutes=20)


@pytest.mark.parametrize("lasting", [timedelta(0), timedelta(seconds=-1), timedelta(days=1, seconds=1)])
def test_no_proof_lasts_longer_than_a_day(lasting: timedelta) -> None:
    session = Session()
    answer = json.loads(Wallet(session.issuer).answer(session.request, ORIGIN))
    with pytest.raises(ValueError, match="at most 1 day"):
        verify(answer, session.challenge, session.trust, NOW, lasting)


def test_a_wallet_may_say_what_it_does_not_have() -> None:
    def add(response: dict[str, Any]) -> None:
        response["documentErrors"] = []
        response["documents"][0]["errors"] = {EU_AV: {"age_over_21": 0}}

    assert changed(add).method is Method.EU_AV


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_a_licence_may_be_signed_on_a_larger_curve(curve: ec.EllipticCurve) -> None:
    root = Authority("Root", new_key(curve))
    issuer = Issuer(root, signer_below(root, key=new_key(curve)))
    session = Session(issuer)
    wallet = Wallet(issuer, MDL, key=new_key(curve))
    assert session.checked(wallet.answer(session.request, ORIGIN)).method is Method.MDL


# The question.


def replayed() -> ProvenAdult:
    """The same answer, to the same question, once more."""
    session, waiting = Session(), OpenChallenges()
    answer = Wallet(session.issuer).answer(session.request, ORIGIN)
    waiting.add("tablet", session.challenge.text(), session.challenge.until, NOW)
    assert waiting.take("tablet", NOW)
    assert session.checked(answer)
    waiting.take("tablet", NOW)
    return session.checked(answer)


def another_session() -> ProvenAdult:
    first, second = Session(), Session()
    second.trust = first.trust
    return second.checked(Wallet(first.issuer).answer(first.request, ORIGIN))


def another_origin() -> ProvenAdult:
    """A page elsewhere that shows this gateway's question to somebody's wallet."""
    session = Session()
    return session.checked(Wallet(session.issuer).answer(session.request, "https://other.test"))


def another_origin_but_sealed_for_ours() -> ProvenAdult:
    session = Session()
    wallet = Wallet(session.issuer)
    response = wallet.response(transcript(session.info(), "https://other.test"), {EU_AV: ["age_over_18"]})
    return session.checked(wallet.sealed(cbor2.dumps(response), session.info(), ORIGIN))


def late() -> ProvenAdult:
    session = Session(now=NOW + LIFETIME)
    return session.checked(Wallet(session.issuer).answer(session.request, ORIGIN))


# The answer.


def truncated() -> ProvenAdult:
    session = Session()
    answer = json.loads(Wallet(session.issuer).answer(session.request, ORIGIN))
    answer["data"]["response"] = answer["data"]["response"][:800]
    return session.checked(answer)


def truncated_before_it_was_sealed() -> ProvenAdult:
    session = Session()
    wallet = Wallet(session.issuer)
    response = cbor2.dumps(wallet.response(transcript(session.info(), ORIGIN), {EU_AV: ["age_over_18"]}))
    return session.checked(wallet.sealed(response[:-40], session.info(), ORIGIN))


def oversized() -> ProvenAdult:
    return Session().checked({"protocol": "org-iso-mdoc", "data": {"response": "A" * (MOST_ANSWER + 1)}})


def a_flipped_bit() -> ProvenAdult:
    session = Session()
    answer = json.loads(Wallet(session.issuer).answer(session.request, ORIGIN))
    sealed = bytearray(unb64(answer["data"]["response"]))
    sealed[-20] ^= 1
    answer["data"]["response"] = b64(bytes(sealed))
    return session.checked(answer)


def not_a_point() -> ProvenAdult:
    sealed = cbor2.dumps(["dcapi", {"enc": b"\x04" + bytes(64), "cipherText": bytes(40)}])
    return Session().checked({"protocol": "org-iso-mdoc", "data": {"response": b64(sealed)}})


def another_protocol() -> ProvenAdult:
    session = Session()
    answer = json.loads(Wallet(session.issuer).answer(session.request, ORIGIN))
    return session.checked({**answer, "protocol": "openid4vp-v1-unsigned"})


# What is in it.


def two_documents() -> ProvenAdult:
    return changed(lambda response: response.update(documents=response["documents"] * 2))


def no_document() -> ProvenAdult:
    return changed(lambda response: response.pop("documents"))


def a_wallet_that_failed() -> ProvenAdult:
    return changed(lambda response: response.update(status=10))


def another_version() -> ProvenAdult:
    return changed(lambda response: response.update(version="2.0"))


def a_key_that_nobody_knows() -> ProvenAdult:
    return changed(lambda response: response["documents"][0].update(portrait=b"x"))


def over_disclosed() -> ProvenAdult:
    issuer = Issuer()
    session = Session(issuer)
    wallet = Wallet(issuer, MDL, {"elements": {"age_over_18": True, "family_name": "Nobody"}})
    items = wallet.credential.items["org.iso.18013.5.1"]

    def show_all(response: dict[str, Any]) -> None:
        response["documents"][0]["issuerSigned"]["nameSpaces"]["org.iso.18013.5.1"] = list(items.values())

    return session.shown(wallet, show_all)


def over_disclosed_in_another_namespace() -> ProvenAdult:
    item = tagged({"digestID": 9, "random": bytes(32), "elementIdentifier": "sex", "elementValue": 1})
    return changed(
        lambda response: _issued(response)["nameSpaces"].update({"org.iso.18013.5.1.aamva": [item]})
    )


def over_disclosed_by_the_device() -> ProvenAdult:
    return changed(
        lambda response: response["documents"][0]["deviceSigned"].update(
            nameSpaces=tagged({EU_AV: {"nym": "x"}})
        )
    )


def another_element() -> ProvenAdult:
    issuer = Issuer()
    session = Session(issuer)
    wallet = Wallet(issuer, EU_AV, {"elements": {"age_over_16": True}})
    items = list(wallet.credential.items[EU_AV].values())
    return session.shown(wallet, lambda response: _issued(response)["nameSpaces"].update({EU_AV: items}))


def another_document() -> ProvenAdult:
    """One of the issuer's, which the wallet was not asked for."""
    return changed(lambda response: response["documents"][0].update(docType="org.iso.23220.photoid.1"))


def a_document_under_another_name() -> ProvenAdult:
    """A proof that the issuer gave as one thing, shown as another."""
    return honest(Issuer(), docType="org.iso.23220.photoid.1")


def another_namespace() -> ProvenAdult:
    return changed(lambda response: _issued(response).update(nameSpaces={"org.iso.18013.5.1": [1]}))


def a_namespace_that_was_not_signed() -> ProvenAdult:
    return honest(Issuer(), valueDigests={"eu.europa.ec.av.2": {0: bytes(32)}})


def a_minor() -> ProvenAdult:
    return honest(Issuer(), elements={"age_over_18": False})


def one_for_true() -> ProvenAdult:
    return honest(Issuer(), elements={"age_over_18": 1})


# What the issuer signed.


def _issued(response: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = response["documents"][0]["issuerSigned"]
    return found


def _false_to_true(response: dict[str, Any]) -> None:
    for space, items in _issued(response)["nameSpaces"].items():
        items[0] = cbor2.CBORTag(24, items[0].value.replace(b"\xf4", b"\xf5"))
        assert items[0].value.endswith(b"\xf5"), space


def a_minor_who_says_otherwise() -> ProvenAdult:
    issuer = Issuer()
    session = Session(issuer)
    return session.shown(Wallet(issuer, EU_AV, {"elements": {"age_over_18": False}}), _false_to_true)


def another_digest() -> ProvenAdult:
    return honest(Issuer(), valueDigests={EU_AV: {0: bytes(32)}})


def an_issuer_signature_of_another_key() -> ProvenAdult:
    issuer = Issuer()
    session = Session(issuer)
    wallet = Wallet(issuer)
    forged = sign1(new_key(), wallet.credential.auth[2], unprotected=wallet.credential.auth[1])
    wallet.credential = replace(wallet.credential, auth=forged)
    return session.checked(wallet.answer(session.request, ORIGIN))


def _of_zeros(signed: list[Any]) -> None:
    signed[3] = bytes(64)


def an_issuer_signature_of_zeros() -> ProvenAdult:
    """That some libraries once took for anybody's."""
    return changed(lambda response: _of_zeros(_issued(response)["issuerAuth"]))


def a_device_signature_of_zeros() -> ProvenAdult:
    return changed(
        lambda response: _of_zeros(response["documents"][0]["deviceSigned"]["deviceAuth"]["deviceSignature"])
    )


def a_digest_under_another_number() -> ProvenAdult:
    item = tagged(
        {"digestID": 0, "random": bytes(32), "elementIdentifier": "age_over_18", "elementValue": True}
    )
    digest = hashlib.sha256(cbor2.dumps(item)).digest()
    return honest(Issuer(), valueDigests={EU_AV: {3: digest, 0: bytes(32)}})


def the_element_twice() -> ProvenAdult:
    return changed(lambda response: _issued(response)["nameSpaces"].update({EU_AV: _twice(response)}))


def _twice(response: dict[str, Any]) -> list[Any]:
    return [*_issued(response)["nameSpaces"][EU_AV]] * 2


def another_algorithm_said() -> ProvenAdult:
    """ES384 over a key of P-256."""
    return honest(Issuer(), header=cbor2.dumps({1: -35}))


def no_algorithm() -> ProvenAdult:
    return honest(Issuer(), header=b"\xa0")


def a_mac_for_a_signature() -> ProvenAdult:
    """HMAC 256/256, with a key that everybody knows: the public one."""
    return honest(Issuer(), header=cbor2.dumps({1: 5}))


def an_algorithm_that_is_not_signed() -> ProvenAdult:
    issuer = Issuer()
    session = Session(issuer)
    wallet = Wallet(issuer)
    wallet.credential.auth[1][1] = -7
    return session.checked(wallet.answer(session.request, ORIGIN))


def a_chain_that_is_signed_and_another_that_is_not() -> ProvenAdult:
    issuer = Issuer()
    return honest(issuer, header=cbor2.dumps({1: -7, 33: issuer.by.der}))


def digests_by_sha1() -> ProvenAdult:
    return honest(Issuer(), digestAlgorithm="SHA-1")


def expired() -> ProvenAdult:
    return honest(Issuer(), ends=timedelta(0))


def not_yet_valid() -> ProvenAdult:
    return honest(Issuer(), begins=timedelta(seconds=1))


def ends_before_it_begins() -> ProvenAdult:
    return honest(Issuer(), begins=timedelta(hours=-1), ends=timedelta(hours=-2))


def signed_before_the_signer_was() -> ProvenAdult:
    return honest(Issuer(), begins=timedelta(days=-31))


# Who the issuer is.


def an_issuer_whom_nobody_knows() -> ProvenAdult:
    return honest(Issuer(), Issuer())


def an_issuer_of_the_same_name() -> ProvenAdult:
    """Test root by name, and a key of somebody else's."""
    return honest(Issuer(Authority("Test root")), Issuer(Authority("Test root")))


def an_issuer_of_licences_alone() -> ProvenAdult:
    return honest(Issuer(documents=(MDL,)))


def a_signer_below(root: Authority | None = None, **said: Any) -> ProvenAdult:
    above = root or Authority("Test root")
    return honest(Issuer(above, signer_below(above, **said)))


def a_web_servers_certificate() -> ProvenAdult:
    return a_signer_below(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))


def a_readers_certificate() -> ProvenAdult:
    return a_signer_below(purposes=(READER,))


def a_certificate_for_anything() -> ProvenAdult:
    return a_signer_below(purposes=())


def a_licence_by_an_eu_signer() -> ProvenAdult:
    root = Authority("Test root")
    eu = x509.ObjectIdentifier("1.3.130.2.0.0.1.2")
    return honest(Issuer(root, signer_below(root, purposes=(eu,))), document=MDL)


def a_ca_that_signs_itself() -> ProvenAdult:
    return a_signer_below(ca=True, usage=("digital_signature", "key_cert_sign"))


def a_key_that_is_not_for_signatures() -> ProvenAdult:
    return a_signer_below(usage=("key_agreement",))


def a_signers_certificate_that_ended() -> ProvenAdult:
    return a_signer_below(ends=timedelta(seconds=-1))


def a_root_that_ended() -> ProvenAdult:
    return a_signer_below(Authority("Test root", ends=timedelta(seconds=-1)))


def a_signer_in_another_country() -> ProvenAdult:
    return a_signer_below(country="XX")


def a_critical_extension() -> ProvenAdult:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    return a_signer_below(others=((strange, True),))


def a_signer_who_issues_a_signer() -> ProvenAdult:
    """Any mdoc's signer below a trusted root would be a CA, were the constraint not asked for."""
    root = Authority("Test root")
    real = signer_below(root)
    forged = signer_below(real, name="Forged signer")
    return honest(Issuer(root, forged, (forged, real)))


def a_root_that_is_no_ca() -> ProvenAdult:
    return a_signer_below(Authority("Test root", ca=False))


def a_root_that_says_nothing_of_it() -> ProvenAdult:
    return a_signer_below(Authority("Test root", ca=None))


def a_ca_that_may_not_sign_certificates() -> ProvenAdult:
    return a_signer_below(Authority("Test root", usage=("crl_sign",)))


def a_path_that_is_too_long() -> ProvenAdult:
    root = Authority("Test root", path_length=0)
    between = Authority("Between", above=root)
    leaf = signer_below(between)
    return honest(Issuer(root, leaf, (leaf, between)))


def a_chain_without_end() -> ProvenAdult:
    root = Authority("Test root")
    steps = [root]
    for number in range(4):
        steps.append(Authority(f"Step {number}", above=steps[-1]))
    leaf = signer_below(steps[-1])
    return honest(Issuer(root, leaf, (leaf, *reversed(steps[1:]))))


def a_chain_with_a_gap() -> ProvenAdult:
    root = Authority("Test root")
    leaf = signer_below(root)
    return honest(Issuer(root, leaf, (leaf, Authority("Between", above=root))))


def no_certificate() -> ProvenAdult:
    issuer = Issuer()
    session = Session(issuer)
    wallet = Wallet(issuer)
    wallet.credential.auth[1].clear()
    return session.checked(wallet.answer(session.request, ORIGIN))


def a_certificate_that_is_none() -> ProvenAdult:
    issuer = Issuer()
    session = Session(issuer)
    wallet = Wallet(issuer)
    wallet.credential.auth[1][33] = b"\x30\x03\x02\x01\x01"
    return session.checked(wallet.answer(session.request, ORIGIN))


# Who holds it.


def a_copied_credential() -> ProvenAdult:
    """All of somebody's proof but the key in their phone."""
    session = Session()
    wallet = Wallet(session.issuer)
    wallet.key = new_key()
    return session.checked(wallet.answer(session.request, ORIGIN))


def an_answer_out_of_another_session() -> ProvenAdult:
    """What a wallet showed elsewhere, sealed again for here by somebody who saw it."""
    session = Session()
    wallet = Wallet(session.issuer)
    elsewhere, _ = new_question()
    info = elsewhere["digital"]["requests"][0]["data"]["encryptionInfo"]
    seen = wallet.response(transcript(info, ORIGIN), {EU_AV: ["age_over_18"]})
    return session.checked(wallet.sealed(cbor2.dumps(seen), session.info(), ORIGIN))


def a_device_mac() -> ProvenAdult:
    mac: list[Any] = [cbor2.dumps({1: 5}), {}, None, bytes(32)]
    return changed(
        lambda response: response["documents"][0]["deviceSigned"].update(deviceAuth={"deviceMac": mac})
    )


def a_device_that_signs_what_it_likes() -> ProvenAdult:
    session = Session()
    wallet = Wallet(session.issuer)
    signed = sign1(wallet.key, b"anything")

    def sign(response: dict[str, Any]) -> None:
        response["documents"][0]["deviceSigned"]["deviceAuth"] = {"deviceSignature": signed}

    return session.shown(wallet, sign)


def a_device_key_off_its_curve() -> ProvenAdult:
    return honest(
        Issuer(), deviceKeyInfo={"deviceKey": {1: 2, -1: 1, -2: bytes(32), -3: bytes(31) + b"\x01"}}
    )


# Whose proofs count.


def a_trust_file_that_ended() -> ProvenAdult:
    session = Session()
    session.trust = replace(session.trust, until=NOW)
    return session.checked(Wallet(session.issuer).answer(session.request, ORIGIN))


def an_issuer_whose_time_on_the_list_is_over() -> ProvenAdult:
    session = Session()
    session.trust = replace(
        session.trust, issuers=tuple(replace(issuer, until=NOW) for issuer in session.trust.issuers)
    )
    return session.checked(Wallet(session.issuer).answer(session.request, ORIGIN))


FORGERIES: list[tuple[Callable[[], ProvenAdult], ProofRefusal]] = [
    (replayed, ProofRefusal.REPLAYED),
    (another_session, ProofRefusal.NOT_SEALED),
    (another_origin, ProofRefusal.NOT_SEALED),
    (another_origin_but_sealed_for_ours, ProofRefusal.DEVICE_SIGNATURE),
    (late, ProofRefusal.LATE),
    (truncated, ProofRefusal.BAD_CBOR),
    (truncated_before_it_was_sealed, ProofRefusal.BAD_CBOR),
    (oversized, ProofRefusal.TOO_LARGE),
    (a_flipped_bit, ProofRefusal.NOT_SEALED),
    (not_a_point, ProofRefusal.NOT_SEALED),
    (another_protocol, ProofRefusal.BAD_ANSWER),
    (two_documents, ProofRefusal.MANY_DOCUMENTS),
    (no_document, ProofRefusal.NO_DOCUMENT),
    (a_wallet_that_failed, ProofRefusal.WRONG_STATUS),
    (another_version, ProofRefusal.WRONG_VERSION),
    (a_key_that_nobody_knows, ProofRefusal.BAD_RESPONSE),
    (over_disclosed, ProofRefusal.OVER_DISCLOSED),
    (over_disclosed_in_another_namespace, ProofRefusal.OVER_DISCLOSED),
    (over_disclosed_by_the_device, ProofRefusal.OVER_DISCLOSED),
    (another_element, ProofRefusal.NOT_DISCLOSED),
    (another_document, ProofRefusal.WRONG_DOCUMENT),
    (a_document_under_another_name, ProofRefusal.WRONG_DOCUMENT),
    (another_namespace, ProofRefusal.WRONG_NAMESPACE),
    (a_namespace_that_was_not_signed, ProofRefusal.WRONG_NAMESPACE),
    (a_minor, ProofRefusal.NOT_ADULT),
    (one_for_true, ProofRefusal.NOT_ADULT),
    (a_minor_who_says_otherwise, ProofRefusal.DIGEST),
    (another_digest, ProofRefusal.DIGEST),
    (an_issuer_signature_of_another_key, ProofRefusal.ISSUER_SIGNATURE),
    (an_issuer_signature_of_zeros, ProofRefusal.ISSUER_SIGNATURE),
    (a_device_signature_of_zeros, ProofRefusal.DEVICE_SIGNATURE),
    (a_digest_under_another_number, ProofRefusal.DIGEST),
    (the_element_twice, ProofRefusal.OVER_DISCLOSED),
    (another_algorithm_said, ProofRefusal.WRONG_KEY),
    (no_algorithm, ProofRefusal.WRONG_ALGORITHM),
    (a_mac_for_a_signature, ProofRefusal.WRONG_ALGORITHM),
    (an_algorithm_that_is_not_signed, ProofRefusal.WRONG_ALGORITHM),
    (a_chain_that_is_signed_and_another_that_is_not, ProofRefusal.BAD_RESPONSE),
    (digests_by_sha1, ProofRefusal.WRONG_ALGORITHM),
    (expired, ProofRefusal.EXPIRED),
    (not_yet_valid, ProofRefusal.NOT_YET_VALID),
    (ends_before_it_begins, ProofRefusal.BAD_VALIDITY),
    (signed_before_the_signer_was, ProofRefusal.BAD_VALIDITY),
    (an_issuer_whom_nobody_knows, ProofRefusal.UNTRUSTED),
    (an_issuer_of_the_same_name, ProofRefusal.UNTRUSTED),
    (an_issuer_of_licences_alone, ProofRefusal.NOT_ITS_DOCUMENT),
    (a_web_servers_certificate, ProofRefusal.WRONG_PURPOSE),
    (a_readers_certificate, ProofRefusal.WRONG_PURPOSE),
    (a_certificate_for_anything, ProofRefusal.WRONG_PURPOSE),
    (a_licence_by_an_eu_signer, ProofRefusal.WRONG_PURPOSE),
    (a_ca_that_signs_itself, ProofRefusal.WRONG_PURPOSE),
    (a_key_that_is_not_for_signatures, ProofRefusal.WRONG_KEY_USAGE),
    (a_signers_certificate_that_ended, ProofRefusal.CERTIFICATE_EXPIRED),
    (a_root_that_ended, ProofRefusal.CERTIFICATE_EXPIRED),
    (a_signer_in_another_country, ProofRefusal.WRONG_COUNTRY),
    (a_critical_extension, ProofRefusal.CRITICAL_EXTENSION),
    (a_signer_who_issues_a_signer, ProofRefusal.NO_CA),
    (a_root_that_is_no_ca, ProofRefusal.NO_CA),
    (a_root_that_says_nothing_of_it, ProofRefusal.NO_CA),
    (a_ca_that_may_not_sign_certificates, ProofRefusal.WRONG_KEY_USAGE),
    (a_path_that_is_too_long, ProofRefusal.PATH_LENGTH),
    (a_chain_without_end, ProofRefusal.LONG_CHAIN),
    (a_chain_with_a_gap, ProofRefusal.UNTRUSTED),
    (no_certificate, ProofRefusal.BAD_CERTIFICATE),
    (a_certificate_that_is_none, ProofRefusal.BAD_CERTIFICATE),
    (a_copied_credential, ProofRefusal.DEVICE_SIGNATURE),
    (an_answer_out_of_another_session, ProofRefusal.DEVICE_SIGNATURE),
    (a_device_mac, ProofRefusal.DEVICE_MAC),
    (a_device_that_signs_what_it_likes, ProofRefusal.BAD_RESPONSE),
    (a_device_key_off_its_curve, ProofRefusal.WRONG_KEY),
    (a_trust_file_that_ended, ProofRefusal.TRUST_EXPIRED),
    (an_issuer_whose_time_on_the_list_is_over, ProofRefusal.UNTRUSTED),
]


@pytest.mark.parametrize(("forgery", "name"), FORGERIES, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_forgery_is_refused_by_its_name(forgery: Callable[[], ProvenAdult], name: ProofRefusal) -> None:
    with pytest.raises(AgeProofError) as refused:
        forgery()
    assert refused.value.refusal is name
    assert "\n" not in str(refused.value)


def test_the_document_has_every_name() -> None:
    document = (Path(__file__).parents[2] / "docs" / "families" / "age-proof.md").read_text()
    assert [refusal.value for refusal in ProofRefusal if f"`{refusal.value}`" not in document] == []


def test_a_wallet_goes_by_any_clock() -> None:
    now = datetime.now(UTC)
    issuer = Issuer(now=now)
    request, challenge = ask(ORIGIN, now, bytes(64))
    answer = json.loads(Wallet(issuer).answer(json.dumps(request), ORIGIN))
    assert verify(answer, challenge, trust_of(issuer), now, LASTING).until <= now + LASTING


def test_every_refusal_has_its_forgery() -> None:
    """Those of the question and of the trust file are in tests of their own."""
    elsewhere = {
        ProofRefusal.BAD_CHALLENGE,
        ProofRefusal.BAD_ORIGIN,
        ProofRefusal.TRUST_BROKEN,
        ProofRefusal.TRUST_SIGNATURE,
    }
    assert {name for _, name in FORGERIES} == set(ProofRefusal) - elsewhere
