"""How long things may take here: the machine is emulated, ten to thirty times slower than its host."""

from __future__ import annotations

from tests.lab import clients, daemon, home

PATIENCE_S = 180.0  # for what has to come; also where the host has much else to do
SILENCE_S = 8.0  # for what must not come: several times what it takes where it is allowed


def be_patient() -> None:
    """The virtual home gives its servers, its daemon and its clients as long."""
    home._READY_S = daemon._READY_S = clients._START_S = PATIENCE_S
