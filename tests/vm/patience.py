"""How long things may take here: the machine is emulated, ten to thirty times slower than its host.

As a plug-in of pytest (``-p tests.vm.patience``), it gives the tests of the lab as long.
"""

from __future__ import annotations

import pytest

from tests.lab import clients, daemon, home

PATIENCE_S = 180.0  # for what has to come; also where the host has much else to do
SILENCE_S = 8.0  # for what must not come: several times what it takes where it is allowed


def be_patient() -> None:
    """The virtual home gives its servers, its daemon and its clients as long."""
    home._READY_S = daemon._READY_S = clients._START_S = PATIENCE_S


def pytest_configure(config: pytest.Config) -> None:
    be_patient()
    clients.PATIENCE_S = clients.EXCHANGE_S = PATIENCE_S
    clients.SILENCE_S = SILENCE_S
