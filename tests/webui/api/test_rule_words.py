"""The words of rules over the API: current ones are returned, earlier ones accepted. Previews of rules."""

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


def test_a_preview_tries_changes_and_writes_nothing(hall: Program) -> None:
    asked = {"host": "www.example.org", "at": "2026-11-24T17:00"}
    assert hall.ask("POST", f"{URL}/preview", asked).get_json()["verdict"] == "allow"
    found = hall.ask("POST", f"{URL}/preview", {**asked, "set": {"block/example.org": True}})
    assert (found.status_code, found.get_json()["verdict"]) == (200, "block")
    assert "example.org" not in hall.ask("GET", URL).get_json()["rules"]["block"]
