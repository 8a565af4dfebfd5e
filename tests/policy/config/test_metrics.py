"""`metrics:` of qalqan.yaml and of UCI: what is read, and one line for what is not."""

from __future__ import annotations

import pytest

from gateway.core.errors import PolicyError
from gateway.household.router_settings import usable_settings
from gateway.household.uci import parse_uci
from gateway.policy.config.config import parse_config
from gateway.policy.config.metrics import MetricsSettings

SHA256 = "2b1d5a3f3a1d3f6b9f6f3c1d9a0c4e7b8d2f1e6a5c4b3d2e1f0a9b8c7d6e5f40"


def read(text: str) -> MetricsSettings:
    return parse_config(text, "qalqan.yaml", lambda _: False).metrics


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("{}", MetricsSettings()),
        (f"metrics: {{token_sha256: {SHA256.upper()}}}", MetricsSettings(SHA256)),
        ("metrics: {textfile: true}", MetricsSettings(textfile=True)),
    ],
)
def test_it_is_off_until_it_is_set(text: str, settings: MetricsSettings) -> None:
    assert read(text) == settings


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("metrics: {token_sha256: secret}", "qalqan.yaml:1: metrics.token_sha256: 'secret' is no SHA-256"),
        (f"metrics: {{token_sha256: {SHA256}0}}", "is no SHA-256"),
        ("metrics: {textfile: maybe}", "is neither true nor false"),
        ("metrics: {token: x}", "is not a known key"),
    ],
)
def test_a_mistake_is_one_line(text: str, complaint: str) -> None:
    with pytest.raises(PolicyError) as error:
        read(text)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_mistake_in_uci_does_not_stop_the_filter() -> None:
    text = (
        "config qalqan 'main'\n\tlist lan 'br-kids'\n"
        "config metrics 'metrics'\n\toption token_sha256 'secret'\n\toption textfile '1'\n"
    )
    settings = usable_settings(parse_uci(text, "/etc/config/qalqan"))
    (line,) = settings.problems
    assert "metrics.token_sha256" in line
    assert {key.partition(".")[0] for key in settings.entries} == {"lan"}
