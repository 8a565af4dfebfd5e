"""Which requests need a recent proof of identity."""

from __future__ import annotations

import pytest

from gateway.control.permissions import VERBS
from gateway.control.proofs import Proofs
from gateway.control.protocol import ControlRequest, Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import SESSION_LIFE, Account, AccountRegister, Session, digest
from tests.around import Scene


@pytest.mark.parametrize("via", [{}, {"via": "a token"}])
def test_a_change_that_its_handler_calls_dangerous_needs_a_proof_if_its_verb_declares_none(
    via: dict[str, str],
) -> None:
    around, register = Scene().around(), AccountRegister()
    proofs = Proofs(register, around.now, around.wall, around.clock_known)
    register.put(Account("Mum", secret="stamp"))
    session = Session(digest("cookie"), "Mum", "", around.wall(), around.wall() + SESSION_LIFE)
    register.begin(session)
    request = ControlRequest("grant", Role.WEB, 33, {"by": "Mum", "session": "cookie", **via})
    assert VERBS["grant"].danger is None
    proofs.require(request)
    with pytest.raises(ControlError) as refused:
        proofs.require(request, always=True)
    assert refused.value.code == Code.PROOF_NEEDED
    proofs.add(session)
    proofs.require(request, always=True)
