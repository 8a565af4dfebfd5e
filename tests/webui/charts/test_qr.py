"""QR codes, read back by ZXing."""

from __future__ import annotations

import pytest

from tests.webui.charts.codes import read_codes
from webui.charts import qr

ADDRESS = "http://qalqan.home.arpa/why"


@pytest.mark.parametrize("length", [27, 62, 63, 107, 200, 287, 288, qr.MAX_BYTES])
def test_a_code_is_read_back(length: int) -> None:
    text = ADDRESS + "".join(chr(97 + 17 * place % 26) for place in range(length - len(ADDRESS)))
    assert read_codes(str(qr.svg(text, "label"))) == [text]


def test_a_code_denser_than_phones_can_read_is_refused() -> None:
    with pytest.raises(ValueError, match="too many for a QR code: the limit is 412"):
        qr.svg("a" * (qr.MAX_BYTES + 1), "label")
    with pytest.raises(ValueError):  # beyond every version  # noqa: PT011
        qr.svg("a" * 5000, "label")


def test_the_svg_has_a_text_alternative_and_a_quiet_zone() -> None:
    drawn = str(qr.svg(ADDRESS, 'Code "of" <us>'))
    assert 'role="img" aria-label="Code &#34;of&#34; &lt;us&gt;"' in drawn
    assert 'viewBox="0 0 37 37"' in drawn
    assert 'd="M4 4h7v1h-7z' in drawn
    assert "style=" not in drawn
