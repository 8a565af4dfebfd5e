"""The pictures of the documents: small, of one size, and each in a document with a text that replaces it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.chromium import PHONE
from tests.browser.pictures import FOLDER, OF_CHILD, OF_PARENT
from tests.test_document_links import ROOT, pages

MOST = 60_000  # bytes


@pytest.mark.parametrize("name", [*OF_CHILD, *OF_PARENT])
def test_a_picture_is_there_and_small(name: str) -> None:
    path = FOLDER / f"{name}.png"
    with Image.open(path) as picture:
        assert picture.size == PHONE
    assert path.stat().st_size <= MOST


def test_each_picture_is_in_a_document_with_a_text() -> None:
    texts = [Path(ROOT, page).read_text() for page in pages()]
    alternatives = {
        name: alternative
        for text in texts
        for alternative, name in re.findall(r"!\[([^\]]*)\]\((?:docs|\.\.)/img/([\w-]+)\.png\)", text)
    }
    assert alternatives.keys() == {*OF_CHILD, *OF_PARENT}
    assert all(len(alternative) > 20 for alternative in alternatives.values())
    assert {path.stem for path in FOLDER.glob("*.png")} == alternatives.keys()
