"""The reader of compiled catalogues says what the standard library's reader says."""

from __future__ import annotations

from gettext import GNUTranslations
from pathlib import Path

import pytest

from tests.webui.language.catalogues import write_catalogue
from tests.words import catalogues
from webui.language.mo_file import CONTEXT, MoFile


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_each_message_has_the_same_text(language: str) -> None:
    path = catalogues.mo(language)
    ours = MoFile(path)
    with path.open("rb") as file:
        theirs = GNUTranslations(file)
    messages = [message for message in catalogues.read(language) if message.id]
    assert len(messages) > 3000
    for message in messages:
        match message.id, message.context:
            case (str(one), str(many)), str(context):
                for number in (0, 1, 2, 5, 21, 111):
                    said = theirs.npgettext(context, one, many, number)
                    assert ours.npgettext(context, one, many, number) == said
            case (str(one), str(many)), None:
                for number in (0, 1, 2, 5, 21, 111):
                    assert ours.ngettext(one, many, number) == theirs.ngettext(one, many, number)
            case str(text), str(context):
                assert ours.pgettext(context, text) == theirs.pgettext(context, text)
            case str(text), _:
                assert ours.gettext(text) == theirs.gettext(text)


def test_a_message_that_is_missing_stays_as_it_is(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "kk", {"Bedtime": "Ұйқы уақыты", f"theme{CONTEXT}Light": "Жарық"})
    known = MoFile(tmp_path / "kk" / "LC_MESSAGES" / "webui.mo")
    assert (known.gettext("Bedtime"), known.gettext("Bed"), known.gettext("Z")) == ("Ұйқы уақыты", "Bed", "Z")
    assert (known.pgettext("theme", "Light"), known.pgettext("lamp", "Light")) == ("Жарық", "Light")
    assert known.gettext("Light") == "Light"
    assert [known.ngettext("a day", "days", number) for number in (1, 2)] == ["a day", "days"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "webui.mo"
    path.write_bytes(b"not a catalogue of messages at all")
    with pytest.raises(ValueError, match=r"webui\.mo"):
        MoFile(path)
