from __future__ import annotations

from pathlib import Path

from flask import Flask, render_template_string

from tests.webui.language.catalogues import write_catalogue
from webui.language import i18n


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
