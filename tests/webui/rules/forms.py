"""The forms about the daughter's rules, filled in and read as a browser does."""

from __future__ import annotations

import re
from html import unescape

from tests.webui.conftest import Browser
from tests.webui.standin.pages import text_of as raw_text_of

PAGE = "/parent/child/daughter/"


def text_of(html: str) -> str:
    return unescape(raw_text_of(html))


def revision(page: str) -> str:
    found = re.search(r'type="hidden" name="revision" value="(\d+)"', page)
    assert found
    return found[1]


def post(mum: Browser, path: str, **values: str) -> str:
    """As the page's own form does; what the next page says."""
    values.setdefault("revision", revision(mum.get(PAGE).text))
    answer = mum.post(PAGE + path, values)
    assert answer.status_code == 303, answer.text
    return text_of(mum.get(answer.headers["Location"]).text)


def send(mum: Browser, path: str, **values: str) -> tuple[int, str]:
    """As the form does; the status of its answer, and the page that follows."""
    values.setdefault("revision", revision(mum.get(PAGE).text))
    answer = mum.post(PAGE + path, values)
    if answer.status_code == 303:
        return 303, mum.get(answer.headers["Location"]).text
    return answer.status_code, answer.text
