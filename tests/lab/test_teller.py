"""Lines of what happens are whole, and come one after another."""

from __future__ import annotations

import io

from tests.lab.teller import Teller


def test_while_somebody_types_the_lines_wait() -> None:
    out = io.StringIO()
    teller = Teller(out)
    teller.say("before")
    with teller.quiet():
        teller.say("meanwhile")
        teller.say("and then")
        assert out.getvalue() == "before\n"
    teller.say("after")
    assert out.getvalue().splitlines() == ["before", "meanwhile", "and then", "after"]
