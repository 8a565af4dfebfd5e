from __future__ import annotations

from tests.webui.conftest import Browser
from tests.webui.standin.pages import text_of
from webui.charts import qr


def test_the_card_has_the_address_as_text_and_as_a_code_and_help(mum: Browser) -> None:
    page = mum.get("/parent/card").text
    address = "http://qalqan.home.arpa/why"
    assert str(qr.svg(address, f"QR code of {address}")) in page
    text = text_of(page)
    for expected in (
        address,
        "A page does not open? Look here.",
        "For parents",
        "Someone to talk to",
        "111 Contact centre for children and families",
    ):
        assert expected in text
    assert "data-print hidden" in page


def test_it_is_under_more_and_for_parents_alone(mum: Browser, tablet: Browser) -> None:
    assert 'href="/parent/card"' in mum.get("/parent/more").text
    assert tablet.get("/parent/card").headers["Location"].startswith("/signin")


def test_no_child_is_named_on_it(mum: Browser) -> None:
    page = mum.get("/parent/card").text
    for name in ("Aruzhan", "Timur", "Dana"):
        assert name not in page
