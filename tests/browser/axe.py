"""axe-core on the page that is open: in a world of its own, which no policy of the page reaches."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from tests.browser.chromium import Chromium

SOURCE = (files("axe_selenium_python") / "node_modules/axe-core/axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]  # all that another theme can change

# What axe cannot tell by itself, and why nothing is wrong there. access.js measures the contrast of both.
LOOKED_AT = {
    ".minutes-left *": "the number is in its ring: axe knows that a drawing is below it, not of its hole",
    "textarea": "axe takes the text of a field that scrolls for something that lies above it",
}

# A part that renews itself meanwhile leaves axe with elements that are gone: it looks again.
RUN = """
async (options, lookedAt) => {
  let renewed, found;
  const isLive = change => change.target.matches("[data-live]");
  const watch = new MutationObserver(all => { renewed ||= all.some(isLive); });
  watch.observe(document.body, { childList: true, subtree: true });
  do { renewed = false; found = await axe.run(document, options); } while (renewed);
  const why = node => [...node.any, ...node.all, ...node.none].map(one => one.message).join("; ");
  const told = (rule, node) => `${rule.id}: ${node.html.slice(0, 160)}: ${why(node).slice(0, 300)}`;
  const known = node => lookedAt.some(one => node.element.matches(one));
  const open = (rule, node) => rule.id !== "color-contrast" || !known(node);
  return [
    ...found.violations.flatMap(rule => rule.nodes.map(node => told(rule, node))),
    ...found.incomplete.flatMap(
      rule => rule.nodes.filter(node => open(rule, node)).map(node => `look at it: ${told(rule, node)}`)),
  ];
}
"""


class Axe:
    def __init__(self, browser: Chromium) -> None:
        self._cdp = browser.driver.execute_cdp_cmd
        frame = self._cdp("Page.getFrameTree", {})["frameTree"]["frame"]["id"]
        world = self._cdp("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        self._world = world["executionContextId"]
        self._evaluate(f"{SOURCE}; undefined")

    def findings(self, *, colours: bool = True) -> list[str]:
        """Return a line for each element with a fault, or that a person has to look at."""
        rules = {} if colours else {rule: {"enabled": False} for rule in COLOURS}
        return self._run({"type": "tag", "values": TAGS}, rules)

    def colours(self) -> list[str]:
        """Return the findings that depend on the theme alone."""
        return self._run({"type": "rule", "values": COLOURS}, {})

    @property
    def version(self) -> str:
        return str(self._evaluate("axe.version"))

    def _run(self, only: dict[str, object], rules: dict[str, dict[str, bool]]) -> list[str]:
        results = ["violations", "incomplete"]
        options = {"runOnly": only, "rules": rules, "resultTypes": results, "elementRef": True}
        arguments = ", ".join(json.dumps(one) for one in (options, list(LOOKED_AT)))
        return [str(one) for one in self._evaluate(f"({RUN})({arguments})")]

    def _evaluate(self, script: str) -> Any:
        asked = {"expression": script, "contextId": self._world, "awaitPromise": True, "returnByValue": True}
        answer = self._cdp("Runtime.evaluate", asked)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")
