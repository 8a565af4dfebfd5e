from __future__ import annotations

import struct
from pathlib import Path

from flask import Flask, render_template_string

from webui.language import i18n


def write_catalogue(folder: Path, language: str, messages: dict[str, str]) -> None:
    """A .mo file as gettext reads it (GNU gettext manual, 10.3)."""
    place = folder / language / "LC_MESSAGES"
    place.mkdir(parents=True)
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **messages}.items())
    ids, texts, offsets = b"", b"", []
    for message, text in pairs:
        offsets.append((len(ids), len(message.encode()), len(texts), len(text.encode())))
        ids += message.encode() + b"\0"
        texts += text.encode() + b"\0"
    start = 28 + 16 * len(pairs)
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    first = b"".join(struct.pack("<2I", length, start + at) for at, length, _, _ in offsets)
    second = b"".join(struct.pack("<2I", length, start + len(ids) + at) for _, _, at, length in offsets)
    (place / "webui.mo").write_bytes(header + first + second + ids + texts)


def test_the_browser_s_language_is_chosen_among_ours(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "kk", {"Bedtime": "Ұйқы уақыты"})
    app = Flask(__name__)
    i18n.install(app, i18n.load_catalogues(tmp_path))

    @app.get("/")
    def page() -> str:
        text = render_template_string("{{ language() }} {{ _('Bedtime') }} {% trans %}Bedtime{% endtrans %}")
        return f"{text} {i18n.gettext('Bedtime')}"

    def asked(languages: str) -> str:
        return app.test_client().get("/", headers={"Accept-Language": languages}).text

    assert asked("kk, en;q=0.5") == "kk Ұйқы уақыты Ұйқы уақыты Ұйқы уақыты"
    assert asked("kk-KZ, en;q=0.5") == "kk Ұйқы уақыты Ұйқы уақыты Ұйқы уақыты"
    assert asked("en;q=0.5, kk-KZ;q=0.4") == "en Bedtime Bedtime Bedtime"
    assert asked("kk;q=0, en;q=0.1") == "en Bedtime Bedtime Bedtime"
    assert asked("KK-kz;q=0.9, en;q=0.5") == "kk Ұйқы уақыты Ұйқы уақыты Ұйқы уақыты"
    assert asked("de, fr") == "en Bedtime Bedtime Bedtime"
    assert asked("") == "en Bedtime Bedtime Bedtime"


def test_plurals_without_a_catalogue_are_english() -> None:
    assert i18n.ngettext("%(num)d day", "%(num)d days", 1) == "1 day"
    assert i18n.ngettext("%(num)d day", "%(num)d days", 2) == "2 days"
