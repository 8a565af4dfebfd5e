"""A program with a token, at the family's gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from gateway.policy.accounts.people import PersonRole, digest
from gateway.policy.accounts.tokens import Token
from tests.webui.conftest import GATEWAY
from tests.webui.standin.household import NOW, Household


@dataclass
class Program:
    app: Flask
    headers: Mapping[str, str]
    ip: str = "192.168.1.7"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.app.test_client().open(
            f"/api/v1{path}",
            method=method,
            base_url=GATEWAY,
            json=body,
            headers={**self.headers, **more},
            environ_overrides={"REMOTE_ADDR": self.ip},
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask("POST", path, body, **headers)


def token(household: Household, role: str = PersonRole.GUARDIAN, label: str = "Hall", days: int = 30) -> str:
    """One of Mum's."""
    word = f"qalqan_{label.replace(' ', '-')}-{role}"
    household.stamps.tokens.add(
        Token(
            digest(word),
            "Mum",
            label,
            role,
            NOW,
            until=household.accounts.scene.wall() + timedelta(days=days),
        )
    )
    return word


def program(app: Flask, household: Household, role: str = PersonRole.GUARDIAN) -> Program:
    return Program(app, {"Authorization": f"Bearer {token(household, role)}"})
