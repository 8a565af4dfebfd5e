"""The ways in which tools send a hello or a request past filters, packet by packet.

Each case sends what a client would send for one name, in its own manner. Names are those of the table in the
project's list of evasions; where two tools do the same, one case stands for both.
"""

from __future__ import annotations

from tests.wire import evasion_hellos, evasion_http, evasion_quic, evasion_tls
from tests.wire.evasion_moves import Case


def _cases(module: object, *starts: str) -> list[Case]:
    return [case for key, case in sorted(vars(module).items()) if key.startswith(starts)]


TLS_CASES = _cases(evasion_tls, "t0", "t1", "t2") + _cases(evasion_hellos, "t2", "t3", "t4")
HTTP_CASES = _cases(evasion_http, "h0", "h1", "h2", "h3")
QUIC_CASES = _cases(evasion_quic, "q0", "q1", "q2")
# Of these even an allowed name is refused where faults are: no correct client sends them.
ODD_TLS_CASES = _cases(evasion_hellos, "t5")
ODD_HTTP_CASES = _cases(evasion_http, "h5")
