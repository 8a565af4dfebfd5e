"""Passkeys at the verb `guardian`: adding, signing in, proving and removing, with real WebAuthn answers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.control.passkeys import CHALLENGE_LIFE, CHALLENGES_LIMIT, RESULT_LIFE
from gateway.control.proofs import PROOF_LIFE
from gateway.core.reason_codes import Code
from gateway.policy.accounts.passkeys import PASSKEYS_LIMIT
from gateway.policy.accounts.people import Account
from tests.around import LABEL
from tests.control.test_guardians import Desk
from tests.control.test_signins import digest, secret
from tests.web.authenticator import Authenticator, encode

HOST = "home.example.org"


class PasskeyDesk(Desk):
    """A gateway with a trusted name and one guardian."""

    def __init__(self) -> None:
        super().__init__()
        self.scene.host = HOST
        self.session = self.web("claim", label=LABEL, name="Mum", secret=secret("a"))["session"]

    def start(self, purpose: str, **values: object) -> Mapping[str, Any]:
        options = self.web("passkey_start", purpose=purpose, **values)["options"]
        assert isinstance(options, dict)
        return options

    def done(
        self, options: Mapping[str, Any], answer: Mapping[str, Any], **values: object
    ) -> Mapping[str, Any]:
        pending = options["challenge"]
        assert self.web("passkey_check", pending=pending, passkey=answer, **values)["checking"] is True
        return self.web("passkey_finish", pending=pending, **values)

    def add(self, device: Authenticator, label: str = "Phone", **values: object) -> Mapping[str, Any]:
        values = {"session": self.session, **values}
        options = self.start("add", **values)
        return self.done(options, device.create(options), label=label, **values)

    def entries(self, action: str, key: str = "passkeys") -> list[Mapping[str, Any]]:
        found = self.web(action, session=self.session)[key]
        assert isinstance(found, list)
        return found

    def sign_in(self, device: Authenticator, **flaws: object) -> Mapping[str, Any]:
        options = self.start("signin")
        return self.done(options, device.get(options, **flaws))

    def refused_sign_in(self, device: Authenticator, **flaws: object) -> str:
        options = self.start("signin")
        pending, answer = options["challenge"], device.get(options, **flaws)
        try:
            self.web("passkey_check", pending=pending, passkey=answer)
        except Exception as error:  # noqa: BLE001 - its code is what a test looks at
            return str(getattr(error, "code", error))
        return self.refused("passkey_finish", pending=pending)


@pytest.fixture
def desk() -> PasskeyDesk:
    return PasskeyDesk()


@pytest.fixture
def phone(desk: PasskeyDesk) -> Authenticator:
    """Mum's, with a passkey."""
    phone = Authenticator(HOST)
    desk.add(phone)
    return phone


def test_a_passkey_is_asked_for_as_the_standard_says(desk: PasskeyDesk, phone: Authenticator) -> None:
    options = desk.start("add", session=desk.session)
    assert (options["rp"]["id"], options["attestation"]) == (HOST, "none")
    assert options["authenticatorSelection"] == {"residentKey": "preferred", "userVerification": "required"}
    assert [parameter["alg"] for parameter in options["pubKeyCredParams"]] == [-8, -7, -257]
    assert options["excludeCredentials"] == [{"type": "public-key", "id": encode(phone.id)}]
    assert options["user"]["id"] == phone.user, "one entry for a person in an authenticator"
    assert "Mum" not in phone.user
    using = desk.start("prove", session=desk.session)
    assert using["allowCredentials"] == options["excludeCredentials"]
    assert (using["rpId"], using["userVerification"]) == (HOST, "required")
    assert desk.start("signin")["allowCredentials"] == [], "no name has to be typed, and none is given away"


def test_it_signs_in_without_password_and_code(desk: PasskeyDesk, phone: Authenticator) -> None:
    account = desk.register.accounts()["Mum"]
    desk.register.put(
        Account("Mum", secret=account.secret, totp="GEZDGNBVGY3TQOJQ", passkeys=account.passkeys)
    )
    desk.scene.audit.clear()
    signed_in = desk.sign_in(phone)
    assert (signed_in["guardian"], signed_in["role"]) == ("Mum", "guardian")
    assert desk.web("check", session=signed_in["session"])["proof"], "signing in proves it"
    assert desk.scene.audit == [("guardian sign-in", "Mum", "Mum", "192.168.1.7")]
    (new,) = desk.entries("check", "sign_ins")
    assert (new["device"], new["here"]) == ("Galaxy-S23", False), "other sessions are shown it"


def test_a_challenge_works_once_for_five_minutes(desk: PasskeyDesk, phone: Authenticator) -> None:
    options = desk.start("signin")
    answer = phone.get(options)
    assert desk.done(options, answer)["guardian"] == "Mum"
    assert desk.refused("passkey_check", pending=options["challenge"], passkey=answer) == Code.PASSKEY_LATE
    assert desk.refused("passkey_finish", pending=options["challenge"]) == Code.PASSKEY_LATE
    options = desk.start("signin")
    wrong = phone.get(options, signature=True)
    desk.web("passkey_check", pending=options["challenge"], passkey=wrong)
    right = phone.get(options)
    assert desk.refused("passkey_check", pending=options["challenge"], passkey=right) == Code.PASSKEY_LATE
    options = desk.start("signin")
    desk.scene.now += CHALLENGE_LIFE
    late = phone.get(options)
    assert desk.refused("passkey_check", pending=options["challenge"], passkey=late) == Code.PASSKEY_LATE
    options = desk.start("signin")
    desk.web("passkey_check", pending=options["challenge"], passkey=phone.get(options))
    desk.scene.now += RESULT_LIFE
    assert desk.refused("passkey_finish", pending=options["challenge"]) == Code.PASSKEY_LATE


def test_wrong_answers_do_not_sign_in(desk: PasskeyDesk, phone: Authenticator) -> None:
    stranger = Authenticator(HOST)
    stranger.user = phone.user
    assert desk.refused_sign_in(stranger) == Code.PASSKEY_WRONG
    stranger.id = phone.id
    assert desk.refused_sign_in(stranger) == Code.PASSKEY_WRONG, "another key"
    flaws: tuple[dict[str, object], ...] = (
        {"signature": True}, {"flags": 1}, {"user": ""}, {"user": encode(b"x" * 16)},
        {"host": "other.example"},
        {"client": {"origin": "https://evil.example"}}, {"client": {"type": "webauthn.create"}},
    )  # fmt: skip
    for flaw in flaws:
        assert desk.refused_sign_in(phone, **flaw) == Code.PASSKEY_WRONG, flaw
    assert desk.sign_in(phone)["guardian"] == "Mum"


def test_a_challenge_belongs_to_its_purpose_session_and_device(
    desk: PasskeyDesk, phone: Authenticator
) -> None:
    dad = desk.web("signin", token=desk.root("add", name="Dad")["token"])["session"]
    desk.web("password", session=dad, secret=secret("b"))
    proof = desk.start("prove", session=desk.session)
    assert (
        desk.refused("passkey_check", pending=proof["challenge"], passkey=phone.get(proof), session=dad)
        == Code.PASSKEY_LATE
    )
    proof = desk.start("prove", session=desk.session)
    mine = {"pending": proof["challenge"], "session": desk.session}
    desk.web("passkey_check", passkey=phone.get(proof), **mine)
    assert "session" not in desk.web("passkey_finish", **mine), "a proof gives no new session"
    assert desk.refused("passkey_start", purpose="prove", session=dad) == Code.PASSKEY_NONE
    options = desk.start("signin")
    stolen = {"pending": options["challenge"], "passkey": phone.get(options), "origin": "192.168.1.66"}
    assert desk.refused("passkey_check", **stolen) == Code.PASSKEY_LATE
    adding = desk.start("add", session=desk.session)
    desk.web("passkey_check", pending=adding["challenge"], session=desk.session, passkey=phone.get(adding))
    assert (
        desk.refused("passkey_finish", pending=adding["challenge"], session=desk.session)
        == Code.PASSKEY_WRONG
    )


def test_it_proves_who_uses_a_session(desk: PasskeyDesk, phone: Authenticator) -> None:
    mine = {"session": desk.session}
    desk.scene.now += PROOF_LIFE
    assert desk.web("check", **mine)["passkey"] is True
    assert desk.refused("factor_start", **mine) == Code.PROOF_NEEDED
    options = desk.start("prove", **mine)
    assert desk.done(options, phone.get(options), **mine)["proof"] == PROOF_LIFE
    desk.web("factor_start", **mine)


def test_adding_and_removing_need_a_proof(desk: PasskeyDesk, phone: Authenticator) -> None:
    mine = {"session": desk.session}
    (entry,) = desk.entries("sessions", "passkeys")
    desk.scene.now += PROOF_LIFE
    assert desk.refused("passkey_start", purpose="add", **mine) == Code.PROOF_NEEDED
    assert desk.refused("passkey_remove", id=entry["id"], **mine) == Code.PROOF_NEEDED
    desk.web("prove", digest=digest("a"), **mine)
    desk.web("passkey_remove", id=entry["id"], **mine)
    assert desk.refused("passkey_remove", id=entry["id"], **mine) == Code.PASSKEY_NONE
    assert desk.refused_sign_in(phone) == Code.PASSKEY_WRONG
    assert [line[0] for line in desk.scene.audit[-3:]] == [
        "guardian sign-in", "guardian passkey added", "guardian passkey removed",
    ]  # fmt: skip


def test_a_person_has_several_by_name_and_their_last_use(desk: PasskeyDesk, phone: Authenticator) -> None:
    key = Authenticator(HOST)
    desk.add(key, "  Key \n of  steel ".replace("\n", ""))
    desk.scene.now += 60
    desk.sign_in(key)
    first, second = desk.entries("sessions", "passkeys")
    assert (first["label"], first["used"], second["label"]) == ("Phone", None, "Key of steel")
    assert second["used"] == desk.scene.wall()
    options = desk.start("add", session=desk.session)
    pending, mine = options["challenge"], {"session": desk.session}
    desk.web("passkey_check", pending=pending, passkey=key.create(options), **mine)
    assert desk.refused("passkey_finish", pending=pending, **mine) == Code.PASSKEY_KNOWN
    for _ in range(PASSKEYS_LIMIT - 2):
        desk.add(Authenticator(HOST))
    assert desk.refused("passkey_start", purpose="add", **mine) == Code.PASSKEYS_FULL


def test_a_counter_that_goes_back_is_a_copy(desk: PasskeyDesk, phone: Authenticator) -> None:
    desk.sign_in(phone)
    phone.count = 0
    assert desk.refused_sign_in(phone) == Code.PASSKEY_COPIED
    assert ("guardian passkey copied", "Mum", "Mum", "192.168.1.7") in desk.scene.audit
    synchronised = Authenticator(HOST, counts=False)
    desk.add(synchronised)
    for _ in range(2):
        assert desk.sign_in(synchronised)["guardian"] == "Mum", "these have no counter"


def test_a_parent_signs_in_without_a_lost_passkey(desk: PasskeyDesk, phone: Authenticator) -> None:
    assert desk.web("signin", name="Mum", digest=digest("a"))["guardian"] == "Mum"
    people: list[Mapping[str, object]] = desk.root("list")["people"]  # type: ignore[assignment]
    assert people[0]["passkeys"] == 1
    token = desk.root("reset", name="Mum")["token"]
    assert desk.register.accounts()["Mum"].passkeys == ()
    assert desk.refused_sign_in(phone) == Code.PASSKEY_WRONG
    session = desk.web("signin", token=token)["session"]
    assert desk.refused("passkey_start", purpose="add", session=session) == Code.PASSKEY_PASSWORD


def test_it_works_only_at_the_name_it_was_made_for(desk: PasskeyDesk, phone: Authenticator) -> None:
    desk.scene.host = "new.example.org"
    assert desk.refused_sign_in(phone) == Code.PASSKEY_WRONG
    assert desk.refused("passkey_start", purpose="prove", session=desk.session) == Code.PASSKEY_NONE
    assert desk.web("check", session=desk.session).get("passkey", False) is False
    (entry,) = desk.entries("sessions", "passkeys")
    assert entry["host"] == HOST
    desk.scene.host = ""
    assert desk.refused("passkey_start", purpose="signin") == Code.PASSKEY_NAMELESS


def test_without_the_package_all_else_works(desk: PasskeyDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fido2", None)
    for purpose in ("signin", "prove", "add"):
        values = {"purpose": purpose, "session": desk.session}
        assert desk.refused("passkey_start", **values) == Code.PASSKEY_MISSING
    assert desk.web("signin", name="Mum", digest=digest("a"))["guardian"] == "Mum"
    assert desk.web("check", session=desk.session)["guardian"] == "Mum"


def test_a_flood_of_challenges_is_bounded(desk: PasskeyDesk, phone: Authenticator) -> None:
    for _ in range(2 * CHALLENGES_LIMIT):
        desk.start("signin")
    options = desk.start("prove", session=desk.session)
    for number in range(CHALLENGES_LIMIT - 2):
        desk.web("passkey_start", purpose="signin", origin=f"192.168.1.{100 + number}")
    assert desk.done(options, phone.get(options), session=desk.session)["proof"]
    malformed = {"id": "x", "client_data": "not base64!", "data": ""}
    assert desk.refused("passkey_check", pending="x", passkey=malformed) == Code.INVALID
