"""The forms of a page, as a browser sends them."""

from __future__ import annotations

from html.parser import HTMLParser


class Form:
    """One form: where it is sent (empty: to the page's own address), and its fields.

    ``values`` are what is sent if they are not changed, without the buttons.
    """

    def __init__(self, action: str) -> None:
        self.action = action
        self.names: set[str] = set()
        self.values: dict[str, str] = {}


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._is_open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if tag == "form":
            self.found.append(Form(given.get("action") or ""))
            self._is_open = True
        elif self._is_open and name and tag in ("input", "button"):
            form = self.found[-1]
            form.names.add(name)
            chosen = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if tag == "input" and chosen:
                form.values[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False


def form_with(page: str, *names: str) -> Form:
    """Return the first form of a page that has all these fields and buttons. Raises LookupError."""
    forms = _Forms(page).found
    for form in forms:
        if form.names.issuperset(names):
            return form
    msg = f"no form has {', '.join(names)}; there are {[sorted(form.names) for form in forms]}"
    raise LookupError(msg)
