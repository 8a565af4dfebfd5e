"""The second factor of an account: codes of an app and backup codes, at sign-in, recovery and removal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pyotp
import pytest

from gateway.control.proofs import PROOF_LIFE
from gateway.control.second_factor import BACKUP_CODES, SETUP_LIFE, SIGN_IN_LIFE, SIGN_IN_TRIES
from gateway.core.reason_codes import Code
from tests.around import LABEL, account_verb, guardians_of
from tests.control.test_guardians import Desk
from tests.control.test_signins import digest, secret

MUM = {"name": "Mum", "digest": digest("a")}


class FactorDesk(Desk):
    """A gateway whose only guardian has a second factor."""

    def __init__(self) -> None:
        super().__init__()
        self.claim = self.web("claim", label=LABEL, name="Mum", secret=secret("a"))
        self.session = self.claim["session"]
        self.totp = pyotp.TOTP(str(self.web("factor_start", session=self.session)["secret"]))
        on = self.web("factor_on", session=self.session, otp=self.code())
        self.codes: list[str] = on["codes"]  # type: ignore[assignment]
        self.scene.now += 30

    def code(self, steps: int = 0) -> str:
        return self.totp.at(self.scene.wall(), counter_offset=steps)

    def pending(self) -> object:
        return self.web("signin", **MUM)["pending"]


@pytest.fixture
def desk() -> FactorDesk:
    return FactorDesk()


def test_codes_are_those_of_rfc_6238() -> None:
    """The SHA-1 vectors of appendix B have eight digits; six are their end."""
    desk = Desk()
    session = desk.web("claim", label=LABEL, name="Mum", secret=secret("a"))["session"]
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        account = desk.register.accounts()["Mum"]
        desk.scene.now = seconds - desk.scene.start.timestamp()
        key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890"
        desk.register.put(type(account)("Mum", secret=account.secret, totp=key))
        pending = desk.web("signin", **MUM)["pending"]
        assert desk.web("signin", pending=pending, otp=code)["guardian"] == "Mum"
    assert session


def test_it_is_set_up_by_the_first_code_of_the_app() -> None:
    desk = Desk()
    session = desk.web("claim", label=LABEL, name="Mum", secret=secret("a"))["session"]
    started = desk.web("factor_start", session=session)
    assert str(started["uri"]).startswith(
        f"otpauth://totp/Qalqan:Mum?secret={started['secret']}&issuer=Qalqan"
    )
    totp = pyotp.TOTP(str(started["secret"]))
    for wrong in (None, "000000", "ABCD-EFGH-JKMN", "²²²²²²"):
        assert desk.refused("factor_on", session=session, otp=wrong) == Code.FACTOR_WRONG
    assert "session" in desk.web("signin", **MUM), "it is still off"
    desk.scene.now = SETUP_LIFE
    desk.web("prove", session=session, digest=digest("a"))
    assert desk.refused("factor_on", session=session, otp=totp.at(desk.scene.wall())) == Code.FACTOR_LATE
    totp = pyotp.TOTP(str(desk.web("factor_start", session=session)["secret"]))
    codes = desk.web("factor_on", session=session, otp=totp.at(desk.scene.wall()))["codes"]
    assert isinstance(codes, list)
    assert len(set(codes)) == BACKUP_CODES
    assert desk.refused("factor_start", session=session) == Code.FACTOR_ON
    assert desk.refused("factor_on", session=session, otp="123456") == Code.FACTOR_ON
    assert ("guardian second factor on", "Mum", "Mum", "192.168.1.7") in desk.scene.audit
    account = desk.register.accounts()["Mum"]
    assert not {code.replace("-", "") for code in codes} & set(account.backup_codes), "digests alone"


def test_a_password_alone_gives_no_session(desk: FactorDesk) -> None:
    first = desk.web("signin", **MUM)
    assert "session" not in first
    assert "guardian" not in first
    signed_in = desk.web("signin", pending=first["pending"], otp=desk.code())
    assert desk.web("check", session=signed_in["session"])["guardian"] == "Mum"
    assert desk.refused("signin", pending=first["pending"], otp=desk.code(1)) == Code.SESSION_ENDED


def test_a_code_works_once_and_one_step_before_or_after(desk: FactorDesk) -> None:
    code = desk.code()
    assert desk.web("signin", pending=desk.pending(), otp=code)
    assert desk.refused("signin", pending=desk.pending(), otp=code) == Code.FACTOR_WRONG, "replayed"
    earlier = desk.code(-1)
    assert desk.refused("signin", pending=desk.pending(), otp=earlier) == Code.FACTOR_WRONG, "before the used"
    assert desk.web("signin", pending=desk.pending(), otp=desk.code(1)), "a phone that is 30 s ahead"
    desk.scene.now += 90
    assert desk.web("signin", pending=desk.pending(), otp=desk.code(-1)), "and one that is behind"
    desk.scene.now += 90
    for steps in (-2, 2):
        assert desk.refused("signin", pending=desk.pending(), otp=desk.code(steps)) == Code.FACTOR_WRONG


def test_a_sign_in_waits_five_minutes_and_takes_five_wrong_codes(desk: FactorDesk) -> None:
    pending = desk.pending()
    for _ in range(SIGN_IN_TRIES):
        assert desk.refused("signin", pending=pending, otp="000000") == Code.FACTOR_WRONG
    assert desk.refused("signin", pending=pending, otp=desk.code()) == Code.SESSION_ENDED
    pending = desk.pending()
    desk.scene.now += SIGN_IN_LIFE
    assert desk.refused("signin", pending=pending, otp=desk.code()) == Code.SESSION_ENDED
    for forged in ("x", "é", str(desk.claim["session"])):
        assert desk.refused("signin", pending=forged, otp=desk.code()) == Code.SESSION_ENDED


def test_a_restart_between_password_and_code_begins_the_sign_in_again(desk: FactorDesk) -> None:
    pending = desk.pending()
    desk.verb = account_verb(guardians_of(desk.register, desk.scene))
    assert desk.refused("signin", pending=pending, otp=desk.code()) == Code.SESSION_ENDED
    assert desk.refused("factor_start", session=desk.session) == Code.PROOF_NEEDED
    assert desk.web("signin", pending=desk.pending(), otp=desk.code())["guardian"] == "Mum"


def test_a_backup_code_works_once_in_any_writing(desk: FactorDesk) -> None:
    typed = desk.codes[3].lower().replace("-", " ")
    signed_in = desk.web("signin", pending=desk.pending(), otp=typed)
    assert desk.refused("signin", pending=desk.pending(), otp=typed) == Code.FACTOR_WRONG
    assert desk.web("sessions", session=signed_in["session"])["backup_codes"] == BACKUP_CODES - 1
    new: list[str] = desk.web("factor_codes", session=desk.session, otp=desk.code())["codes"]  # type: ignore[assignment]
    assert desk.refused("signin", pending=desk.pending(), otp=desk.codes[0]) == Code.FACTOR_WRONG
    assert desk.web("signin", pending=desk.pending(), otp=new[0])["guardian"] == "Mum"


def test_turning_it_off_needs_a_proof_and_a_code(desk: FactorDesk) -> None:
    desk.scene.now += PROOF_LIFE
    assert desk.refused("factor_off", session=desk.session, otp=desk.codes[0]) == Code.PROOF_NEEDED
    desk.web("prove", session=desk.session, digest=digest("a"))
    assert desk.refused("factor_off", session=desk.session) == Code.FACTOR_NEEDED
    assert desk.refused("factor_off", session=desk.session, otp="000000") == Code.FACTOR_WRONG
    desk.web("factor_off", session=desk.session, otp=desk.codes[0])
    assert desk.web("signin", **MUM)["guardian"] == "Mum"
    assert desk.refused("factor_off", session=desk.session, otp=desk.codes[1]) == Code.FACTOR_OFF
    account = desk.register.accounts()["Mum"]
    assert (account.totp, account.backup_codes) == ("", ())


def test_a_new_password_needs_the_code_too(desk: FactorDesk) -> None:
    values = {"name": "Mum", "code": desk.claim["recovery"], "secret": secret("b")}
    assert desk.refused("recover", **values) == Code.FACTOR_NEEDED
    assert desk.refused("recover", **values, otp="000000") == Code.FACTOR_WRONG
    assert desk.web("check", session=desk.session)["guardian"] == "Mum", "nothing was changed"
    assert desk.web("recover", **values, otp=desk.codes[0])["guardian"] == "Mum"
    desk.root("button")
    values = {"name": "Mum", "label": LABEL, "secret": secret("c")}
    assert desk.refused("recover", **values) == Code.FACTOR_NEEDED
    assert desk.web("recover", **values, otp=desk.code())["guardian"] == "Mum"
    assert desk.register.accounts()["Mum"].totp


def test_the_console_removes_it(desk: FactorDesk) -> None:
    people: list[Mapping[str, object]] = desk.root("list")["people"]  # type: ignore[assignment]
    assert people[0]["second_factor"] is True
    token = desk.root("reset", name="Mum")["token"]
    session = desk.web("signin", token=token)["session"]
    desk.web("password", session=session, secret=secret("b"))
    assert desk.web("signin", name="Mum", digest=digest("b"))["guardian"] == "Mum"


def test_without_the_time_or_the_package_backup_codes_still_work(
    desk: FactorDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.scene.known = False
    assert desk.refused("signin", pending=desk.pending(), otp=desk.code()) == Code.FACTOR_TIME
    assert desk.web("signin", pending=desk.pending(), otp=desk.codes[0])
    desk.scene.known = True
    code = desk.code()
    monkeypatch.setitem(sys.modules, "pyotp", None)
    assert desk.refused("signin", pending=desk.pending(), otp=code) == Code.FACTOR_MISSING
    assert desk.web("signin", pending=desk.pending(), otp=desk.codes[1])
    other = desk.web("signin", token=desk.root("add", name="Dad")["token"])["session"]
    assert desk.refused("factor_start", session=other) == Code.FACTOR_MISSING


# ---------------------------------------------------------------- proofs before dangerous changes


def test_dangerous_changes_need_a_proof_of_the_last_ten_minutes(desk: FactorDesk) -> None:
    desk.web("signin", token=desk.root("add", name="Dad")["token"])
    mine = {"session": desk.session, "by": "Mum"}
    changes: list[tuple[str, dict[str, object]]] = [
        ("invite", {"name": "Aunt", "role": "guardian"}),
        ("invite", {"name": "Oma", "role": "helper"}),
        ("change", {"name": "Dad", "role": "none"}),
        ("token_make", {"label": "Hall", "role": "helper"}),
    ]
    desk.web("factor_off", session=desk.session, otp=desk.codes[0])
    desk.scene.now += PROOF_LIFE
    assert not desk.web("check", session=desk.session).get("proof")
    for action, values in (*changes, ("factor_start", {})):
        assert desk.refused(action, **mine, **values) == Code.PROOF_NEEDED, action
    assert desk.refused("prove", session=desk.session, digest=digest("b")) == Code.WRONG_PASSWORD
    assert desk.refused("prove", session=desk.session) == Code.WRONG_PASSWORD
    assert desk.web("prove", session=desk.session, digest=digest("a"))["proof"] == PROOF_LIFE
    for action, values in changes:
        desk.web(action, **mine, **values)
    desk.web("change", **mine, name="Oma", role="none")
    desk.scene.now += PROOF_LIFE
    desk.root("add", name="Oma", role="helper")
    assert desk.refused("change", **mine, name="Oma", role="none") == Code.PROOF_NEEDED


def test_one_s_own_removal_needs_a_proof(desk: FactorDesk) -> None:
    dad = desk.web("signin", token=desk.root("add", name="Dad")["token"])["session"]
    desk.web("change", session=dad, by="Dad", name="Mum", role="none")
    desk.scene.now += PROOF_LIFE
    mine = {"session": desk.session, "by": "Mum", "name": "Mum"}
    assert desk.refused("answer", **mine, answer="yes", role="none") == Code.PROOF_NEEDED
    assert desk.web("answer", **mine, answer="no") == {"done": False}


def test_an_account_without_a_password_is_asked_for_a_code_or_for_nothing() -> None:
    desk = Desk()
    session = desk.web("signin", token=desk.root("add", name="Mum")["token"])["session"]
    desk.scene.now += 2 * PROOF_LIFE
    totp = pyotp.TOTP(str(desk.web("factor_start", session=session)["secret"]))
    desk.web("factor_on", session=session, otp=totp.at(desk.scene.wall()))
    new = {"session": session, "by": "Mum", "name": "Dad"}
    assert desk.refused("invite", **new) == Code.PROOF_NEEDED
    assert desk.refused("prove", session=session) == Code.FACTOR_NEEDED
    desk.scene.now += 30
    assert desk.web("prove", session=session, otp=totp.at(desk.scene.wall()))["proof"] == PROOF_LIFE
    assert desk.web("invite", **new)["token"]


def test_a_proof_is_of_one_session(desk: FactorDesk) -> None:
    desk.scene.now += PROOF_LIFE
    other = desk.web("signin", pending=desk.pending(), otp=desk.code())["session"]
    assert desk.web("check", session=other)["proof"]
    assert not desk.web("check", session=desk.session).get("proof")
