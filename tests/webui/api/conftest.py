from __future__ import annotations

import pytest
from flask import Flask

from gateway.policy.accounts.people import PersonRole
from tests.control.running import Running
from tests.webui.api.clients import Program, program
from tests.webui.standin.household import Household


@pytest.fixture
def hall(app: Flask, daemon: Running, household: Household) -> Program:
    """A program that may all that Mum may."""
    return program(app, household)


@pytest.fixture
def button(app: Flask, daemon: Running, household: Household) -> Program:
    return program(app, household, PersonRole.HELPER)


@pytest.fixture
def outsider(app: Flask, daemon: Running) -> Program:
    """Nobody."""
    return Program(app, {}, "192.168.1.99")
