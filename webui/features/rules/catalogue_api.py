"""API operations that list what rules may name, and the country's ratings, laws and help lines."""

from __future__ import annotations

from gateway.control.contract.rules import (
    CATALOGUE,
    COUNTRY,
    CountryRules,
    HelpLines,
    RuleCatalogue,
)
from webui.api.operations import ANYONE, Noun
from webui.api.who import Caller
from webui.daemon import daemon

noun = Noun("home")


@noun.declare("GET", "/home/help-lines", ANYONE, answer=HelpLines)
def help_lines(_me: Caller | None) -> object:
    """List the country's help lines, and bodies that take complaints.

    Available while the filter is stopped.
    """
    return HelpLines(lines=daemon().help_lines(), rights=daemon().rights())


@noun.declare("GET", "/home/country", answer=CountryRules)
def country(me: Caller) -> object:
    """Return the country's ratings of films and games, and legal rules with the children they apply to."""
    return me.ask(COUNTRY)


@noun.declare("GET", "/catalogue", answer=RuleCatalogue)
def catalogue(me: Caller) -> object:
    """List the services, categories and age groups that rules may name."""
    return me.ask(CATALOGUE)
