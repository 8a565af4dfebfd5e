"""`qalqan check`: settings that the router decides, disabled services, and problems of the brand."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.check.findings import Finding, note, ok, refused, warning
from gateway.core.errors import PolicyError
from gateway.household.config_file import read_router
from gateway.policy.config.brand import Brand
from gateway.policy.config.config import Config
from gateway.web.branding import read_logo


def router_findings(config: Config) -> Iterator[Finding]:
    try:
        router = read_router()
    except PolicyError as error:  # it has changed meanwhile
        yield refused("config", error)
        return
    if router is not None:
        options = ", ".join(fixed.option for fixed in config.fixed.values()) or "nothing"
        yield ok("config", f"{router.file} decides {options}")
        for section, on in router.switches.items():
            if not on:
                what = "the filter" if section == "main" else "the pages"
                text = f"{section}.enabled is 0 in {router.file}: the router does not start {what}"
                yield note("config", text, f"uci set qalqan.{section}.enabled=1, then uci commit qalqan")
    yield from brand_findings(config.brand)


def brand_findings(brand: Brand) -> Iterator[Finding]:
    problems = list(brand.problems)
    if brand.logo:
        try:
            read_logo(brand.logo)
        except PolicyError as error:
            problems.append(str(error))
    for line in problems:
        text, _, fix = line.rpartition("; ")
        yield warning("brand", f"{text}; it is ignored", fix)
