"""The minimum age of a service's own terms, on its page and in the catalogue that programs read."""

from __future__ import annotations

import pytest

from gateway.features.rules.catalogue_view import catalogue_view
from tests.policy.homes import product
from tests.webui.conftest import Browser


@pytest.mark.parametrize(
    ("service", "text"),
    [("chatgpt", "users from 13 years on"), ("claude", "users from 18 years on"), ("youtube", "")],
)
def test_a_service_shows_the_age_of_its_own_terms(mum: Browser, service: str, text: str) -> None:
    page = mum.get(f"/parent/child/daughter/services/{service}").text
    assert product().catalogue.services[service].name in page
    assert text in page
    assert ("By its own terms" in page) is bool(text)


def test_programs_read_it_too() -> None:
    ages = {service.id: service.min_age for service in catalogue_view(product()).services}
    assert (ages["chatgpt"], ages["claude"], ages["youtube"]) == (13, 18, None)
