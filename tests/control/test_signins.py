"""The verb `guardian`: passwords, recovery, the first claim, and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from gateway.control.signins import BUTTON_LIFE
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import ANNOUNCED_FOR, SESSION_LIFE, SESSIONS_LIMIT
from gateway.policy.time.clock_changes import Jump
from tests.around import LABEL
from tests.control.test_guardians import HOME, Desk


def secret(letter: str) -> str:
    """As the web process makes it; of which password is nothing to the daemon."""
    return f"scrypt:8192:8:10${'s' * 16}${letter * 128}"


def digest(letter: str) -> str:
    return letter * 128


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def claimed(desk: Desk) -> Mapping[str, object]:
    return desk.web("claim", label=LABEL, name="Mum", secret=secret("a"))


# ---------------------------------------------------------------- the claim


def test_the_first_visitor_with_the_label_s_code_is_the_guardian(desk: Desk) -> None:
    assert desk.web("claimable") == {"claimable": True, "home": True, "unclaimed": True, "button": False}
    answer = desk.web("claim", label=f" {LABEL.lower()} ", name="Mum", secret=secret("a"))
    assert desk.web("check", session=answer["session"])["guardian"] == "Mum"
    assert len(str(answer["recovery"])) == 19
    (told,) = desk.register.announced
    assert (told.kind, told.name, told.device) == ("claim", "Mum", "Galaxy-S23")
    assert told.until - told.at == ANNOUNCED_FOR
    assert desk.scene.audit[0] == ("guardian claim", "Mum", "Mum", HOME)


def test_it_is_claimed_once(desk: Desk, claimed: Mapping[str, object]) -> None:
    desk.scene.unclaimed = False
    assert desk.web("claimable") == {"claimable": False, "home": True, "unclaimed": False, "button": False}
    again = desk.refused("claim", label=LABEL, name="Child", secret=secret("b"))
    assert again == Code.CLAIMED
    assert list(desk.register.accounts()) == ["Mum"]


def test_a_wrong_label_or_another_network_claims_nothing(desk: Desk) -> None:
    values = {"name": "Mum", "secret": secret("a")}
    assert desk.refused("claim", label="ABCD-EFGH", **values) == Code.WRONG_LABEL
    assert desk.refused("claim", label="К7QM-3XPR", **values) == Code.WRONG_LABEL
    for origin in ("203.0.113.7", "192.168.1.99", "", "nonsense"):
        refused = desk.refused(
            "claim", label=LABEL, **values, **({"origin": origin} if origin else {"origin": None})
        )
        assert refused == Code.NOT_FROM_HOME
    assert not desk.register.claimed
    desk.web("claim", label=LABEL, **values, origin="127.0.0.1")


def test_where_children_have_rules_the_claim_needs_the_button_and_all_are_told(desk: Desk) -> None:
    desk.scene.children, desk.scene.unclaimed = True, False
    values = {"label": LABEL, "name": "Child", "secret": secret("a")}
    assert desk.web("claimable")["button"] is True
    assert desk.refused("claim", **values) == Code.NO_BUTTON
    desk.root("button")
    desk.scene.now = BUTTON_LIFE + 1
    assert desk.refused("claim", **values) == Code.NO_BUTTON
    assert not desk.register.claimed
    desk.root("button")
    assert desk.refused("claim", **{**values, "label": "ABCD-EFGH"}) == Code.WRONG_LABEL
    desk.web("claim", **values)
    (told,) = desk.register.announced
    assert (told.kind, told.name, told.device) == ("claim_again", "Child", "Galaxy-S23")
    assert told.until - told.at == ANNOUNCED_FOR
    assert desk.refused("recover", **{**values, "name": "Child"}) == Code.NO_BUTTON, "a press is good for one"


def test_a_guardian_that_the_console_makes_where_children_have_rules_is_told_to_all(desk: Desk) -> None:
    desk.scene.children = True
    desk.root("add", name="Helper", role="helper")
    assert desk.register.announced == []
    desk.root("add", name="Mum")
    desk.root("add", name="Dad")
    assert [(one.kind, one.name, one.device) for one in desk.register.announced] == [
        ("claim_again", "Mum", "")
    ]


@pytest.mark.parametrize("bad", ["secret", "scrypt:1:1:1$aa$bb", "pbkdf2:sha256:1$a$b", secret("A")])
def test_what_is_no_hash_is_never_kept(desk: Desk, bad: str) -> None:
    assert desk.refused("claim", label=LABEL, name="Mum", secret=bad) == Code.INVALID
    assert not desk.register.claimed


# ---------------------------------------------------------------- passwords


def test_name_and_digest_sign_in(desk: Desk, claimed: Mapping[str, object]) -> None:
    assert desk.web("salt", name="mum") == {"method": "scrypt:8192:8:10", "salt": "s" * 16}
    assert desk.web("signin", name="MUM", digest=digest("a"))["guardian"] == "Mum"
    for name, typed in (("Mum", digest("b")), ("Mum", "é"), ("Dad", digest("a"))):
        assert desk.refused("signin", name=name, digest=typed) == Code.WRONG_PASSWORD


def test_who_has_no_password_is_not_told_apart_and_nothing_fits(desk: Desk) -> None:
    desk.root("add", name="Mum")
    for name in ("Mum", "Nobody"):
        told = desk.web("salt", name=name)
        assert len(str(told["salt"])) == 16
        for typed in ("", "-", digest("a")):
            assert desk.refused("signin", name=name, digest=typed or None) == Code.WRONG_PASSWORD


def test_a_password_is_set_by_link_and_changed_by_the_old_one(desk: Desk) -> None:
    first = desk.web("signin", token=desk.root("add", name="Mum")["token"])["session"]
    other = desk.web("signin", token=desk.root("link", name="Mum")["token"])["session"]
    assert desk.web("password", session=first, secret=secret("a"))["recovery"]
    assert desk.refused("check", session=other) == Code.SESSION_ENDED
    assert desk.refused("password", session=first, secret=secret("b")) == Code.WRONG_PASSWORD
    changed = desk.web("password", session=first, secret=secret("b"), digest=digest("a"))
    assert changed == {"recovery": ""}, "the code on paper stays good"
    assert desk.refused("signin", name="Mum", digest=digest("a")) == Code.WRONG_PASSWORD
    assert desk.web("check", session=first)["password"] is True


def test_a_new_recovery_code_needs_the_password(desk: Desk, claimed: Mapping[str, object]) -> None:
    session = claimed["session"]
    assert desk.refused("recovery", session=session) == Code.WRONG_PASSWORD
    code = desk.web("recovery", session=session, digest=digest("a"))["recovery"]
    used = {"name": "Mum", "secret": secret("b")}
    assert desk.refused("recover", code=claimed["recovery"], **used) == Code.WRONG_RECOVERY
    assert desk.web("recover", code=code, **used)["guardian"] == "Mum"


# ---------------------------------------------------------------- recovery


def test_a_recovery_code_gives_a_new_password_once_and_all_are_told(
    desk: Desk, claimed: Mapping[str, object]
) -> None:
    code = str(claimed["recovery"]).lower().replace("-", " ")
    answer = desk.web("recover", name="Mum", code=code, secret=secret("b"))
    assert desk.refused("check", session=claimed["session"]) == Code.SESSION_ENDED
    assert desk.web("check", session=answer["session"])["guardian"] == "Mum"
    assert desk.web("signin", name="Mum", digest=digest("b"))
    assert desk.refused("recover", name="Mum", code=code, secret=secret("c")) == Code.WRONG_RECOVERY
    assert [one.kind for one in desk.register.announced] == ["claim", "code"]


@pytest.mark.parametrize("name", ["Mum", "Dad", "Nobody"])
def test_without_a_code_of_its_own_no_name_is_recovered(
    desk: Desk, claimed: Mapping[str, object], name: str
) -> None:
    desk.root("add", name="Dad")
    for code in ("", "ABCD-EFGH-JKMN-PQRS", "é", LABEL):
        refused = desk.refused("recover", name=name, code=code or "-", secret=secret("b"))
        assert refused == Code.WRONG_RECOVERY


def test_the_label_needs_the_button_and_a_press_is_good_for_two_minutes_and_once(
    desk: Desk, claimed: Mapping[str, object]
) -> None:
    values = {"name": "Mum", "label": LABEL, "secret": secret("b")}
    assert desk.refused("recover", **values) == Code.NO_BUTTON
    desk.root("button")
    desk.scene.now = BUTTON_LIFE + 1
    assert desk.refused("recover", **values) == Code.NO_BUTTON
    desk.root("button")
    assert desk.refused("recover", **{**values, "label": "ABCD-EFGH"}) == Code.WRONG_LABEL
    assert desk.web("recover", **values)["guardian"] == "Mum"
    assert desk.refused("recover", **values) == Code.NO_BUTTON
    assert desk.refused("check", session=claimed["session"]) == Code.SESSION_ENDED
    assert desk.register.announced[-1].kind == "button"


def test_the_console_ends_password_and_code_and_all_are_told(
    desk: Desk, claimed: Mapping[str, object]
) -> None:
    token = desk.root("reset", name="Mum")["token"]
    assert desk.refused("signin", name="Mum", digest=digest("a")) == Code.WRONG_PASSWORD
    used = {"name": "Mum", "code": claimed["recovery"], "secret": secret("b")}
    assert desk.refused("recover", **used) == Code.WRONG_RECOVERY
    assert desk.web("signin", token=token)["password"] is False
    assert [one.kind for one in desk.register.announced] == ["claim", "console"]


# ---------------------------------------------------------------- sessions


def sessions(desk: Desk, session: object) -> list[dict[str, object]]:
    return desk.web("sessions", session=session)["sessions"]  # type: ignore[return-value]


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(
    desk: Desk, claimed: Mapping[str, object]
) -> None:
    here = claimed["session"]
    desk.scene.now = 3600
    others = [desk.web("signin", name="Mum", digest=digest("a"), origin="192.168.1.8") for _ in range(3)]
    listed = sessions(desk, here)
    assert [one["device"] for one in listed if one["here"]] == ["Galaxy-S23"]
    assert sum(one["device"] == "192.168.1.8" for one in listed) == 3
    shown = next(one for one in listed if not one["here"])
    assert desk.web("end", session=here, id=shown["id"]) == {"count": 1}
    assert len(sessions(desk, here)) == 3
    assert desk.web("end", session=here) == {"count": 2}
    assert [one["here"] for one in sessions(desk, here)] == [True]
    for one in others:
        assert desk.refused("check", session=one["session"]) == Code.SESSION_ENDED


def test_nobody_ends_somebody_else_s_session(desk: Desk, claimed: Mapping[str, object]) -> None:
    dad = desk.web("signin", token=desk.root("add", name="Dad")["token"])["session"]
    (mums,) = sessions(desk, claimed["session"])
    assert desk.web("end", session=dad, id=mums["id"]) == {"count": 0}
    assert desk.web("check", session=claimed["session"])["guardian"] == "Mum"


def test_signing_out_ends_this_session_alone(desk: Desk, claimed: Mapping[str, object]) -> None:
    other = desk.web("signin", name="Mum", digest=digest("a"))["session"]
    desk.web("signout", session=other)
    assert desk.refused("check", session=other) == Code.SESSION_ENDED
    assert desk.web("check", session=claimed["session"])


def test_a_session_lives_ninety_days_from_its_last_use(desk: Desk, claimed: Mapping[str, object]) -> None:
    days = SESSION_LIFE.total_seconds()
    desk.scene.now = days - 60
    assert desk.web("check", session=claimed["session"])
    desk.scene.now = 2 * days - 180
    assert desk.web("check", session=claimed["session"])
    desk.scene.now += days
    assert desk.refused("check", session=claimed["session"]) == Code.SESSION_ENDED


def test_a_clock_that_nobody_vouches_for_ends_no_session(desk: Desk, claimed: Mapping[str, object]) -> None:
    desk.scene.known, desk.scene.now = False, 3 * SESSION_LIFE.total_seconds()
    assert desk.web("check", session=claimed["session"])
    before = desk.scene.wall()
    desk.scene.known, desk.scene.now = True, 0.0
    desk.register.shift(Jump(before, desk.scene.wall(), was_known=False, known=True))
    assert desk.web("check", session=claimed["session"])
    (one,) = desk.register.sessions("Mum")
    assert one.until == desk.scene.wall() + SESSION_LIFE


def test_what_all_are_told_stays_a_week_when_the_time_becomes_known(desk: Desk) -> None:
    desk.scene.known = False
    desk.web("claim", label=LABEL, name="Mum", secret=secret("a"))
    before = desk.scene.wall()
    desk.scene.known, desk.scene.now = True, timedelta(days=900).total_seconds()
    desk.register.shift(Jump(before, desk.scene.wall(), was_known=False, known=True))
    (told,) = desk.register.announced
    assert told.until == desk.scene.wall() + ANNOUNCED_FOR
    desk.register.drop_old(desk.scene.wall() + ANNOUNCED_FOR)
    assert desk.register.announced == []


def test_sessions_are_bounded_and_the_longest_unused_gives_way(
    desk: Desk, claimed: Mapping[str, object]
) -> None:
    made = []
    for number in range(SESSIONS_LIMIT):
        desk.scene.now = 600.0 * (number + 1)
        made.append(desk.web("signin", name="Mum", digest=digest("a"))["session"])
    assert desk.refused("check", session=claimed["session"]) == Code.SESSION_ENDED
    assert len(sessions(desk, made[-1])) == SESSIONS_LIMIT


def test_a_forged_session_is_none(desk: Desk, claimed: Mapping[str, object]) -> None:
    (kept,) = desk.register.sessions("Mum")
    for token in ("x", "é", kept.key, kept.id):
        assert desk.refused("check", session=token) == Code.SESSION_ENDED


def test_a_hostile_device_name_is_kept_short(desk: Desk) -> None:
    desk.scene.devices[HOME] = type(desk.scene.devices[HOME])("02:00:00:00:00:0c", "<script>" * 50)
    answer = desk.web("claim", label=LABEL, name="Mum", secret=secret("a"))
    assert sessions(desk, answer["session"])[0]["device"] == ("<script>" * 50)[:64]


# ---------------------------------------------------------------- new sign-ins


def new_sign_ins(desk: Desk, session: object) -> list[object]:
    checked: dict[str, list[dict[str, object]]] = desk.web("check", session=session)  # type: ignore[assignment]
    return [entry["browser"] for entry in checked.get("sign_ins", [])]


def test_older_sessions_show_a_new_sign_in_until_one_of_them_confirms_it(
    desk: Desk, claimed: Mapping[str, object]
) -> None:
    assert new_sign_ins(desk, claimed["session"]) == []
    desk.scene.now = 60
    new = desk.web("signin", name="Mum", digest=digest("a"), browser="Firefox, Android")["session"]
    assert new_sign_ins(desk, claimed["session"]) == ["Firefox, Android"]
    assert new_sign_ins(desk, new) == []
    own = next(entry["id"] for entry in sessions(desk, new) if entry["here"])
    assert desk.web("confirm", session=new, id=own) == {"count": 0}, "not by the new session"
    desk.scene.now = 120
    newest = desk.web("signin", name="Mum", digest=digest("a"), browser="x" * 300)["session"]
    assert desk.web("confirm", session=newest, id=own) == {"count": 0}, "nor by a later one"
    assert new_sign_ins(desk, claimed["session"]) == ["Firefox, Android", "x" * 40]
    assert desk.web("confirm", session=claimed["session"], id=own) == {"count": 1}
    assert new_sign_ins(desk, claimed["session"]) == ["x" * 40]
    desk.scene.now = 120 + ANNOUNCED_FOR.total_seconds()
    assert new_sign_ins(desk, claimed["session"]) == []


def test_another_person_s_sign_in_is_not_shown(desk: Desk, claimed: Mapping[str, object]) -> None:
    desk.root("add", name="Dad")
    for _ in range(2):
        dad = desk.web("signin", token=desk.root("link", name="Dad")["token"])["session"]
    assert new_sign_ins(desk, claimed["session"]) == []
    assert new_sign_ins(desk, dad) == []
