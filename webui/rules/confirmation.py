"""The second step before a tap that would open a blocked category permanently."""

from __future__ import annotations

from flask import request

from webui.rules.editing import Page, render

BLOCK = "block"
KEPT_FIELDS = ("revision", "because", "switch", "key", "entry")  # of the form that has to be confirmed


def needs_confirmation(page: Page, key: str) -> bool:
    """Return whether a rule blocks a category, and the form that ends the rule is not confirmed."""
    if request.form.get("confirmed"):
        return False
    head, _slash, word = key.partition("/")
    if head == BLOCK:
        return word.startswith("category:")
    return head == "categories" and page.book.holds(key) == BLOCK


def confirmation(page: Page, title: str, here: str) -> str:
    """Return the page on which a guardian confirms that a category is no longer blocked.

    Arguments:
        title: the name of the rule.
        here: the address of the page that has the form, to go back.
    """
    fields = {key: request.form[key] for key in KEPT_FIELDS if request.form.get(key)}
    return render("confirm_rule.html", page, title=title, action=request.path, fields=fields, here=here)
