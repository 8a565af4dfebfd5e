"""The words of rules over the API: it returns the current ones and accepts those of earlier versions."""

from __future__ import annotations

from tests.webui.api.clients import Program

URL = "/children/daughter/rules"


def test_rules_are_changed_and_returned_in_current_words(hall: Program) -> None:
    changes = {"categories/games": "block", "ways/ssh": "allow", "unknown": "block"}
    assert hall.ask("PATCH", URL, {"set": changes}).status_code == 200
    rules = hall.ask("GET", URL).get_json()["rules"]
    assert (rules["categories"]["games"], rules["ways"]["ssh"]) == ("block", "allow")
    assert rules["unknown"] == "block"


def test_an_edit_in_old_words_is_accepted(hall: Program) -> None:
    changes = {
        "categories": {"games": "refuse", "messaging": "open"},
        "ways/ssh": "open",
        "unknown": "refuse",
    }
    assert hall.ask("PATCH", URL, {"set": changes}).status_code == 200
    told = hall.ask("GET", URL).get_json()
    assert told["own"]["categories"] == {"games": "block", "messaging": "allow"}
    assert (told["rules"]["ways"]["ssh"], told["rules"]["unknown"]) == ("allow", "block")
