"""docs/privacy.md names whom a gateway calls by itself, and the code calls nobody else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from urllib.parse import urlsplit

from gateway.household.loading import load_product
from gateway.lists.sources import parse_sources
from profiles import DATA

ROOT = Path(__file__).parents[1]
PRIVACY = (ROOT / "docs/privacy.md").read_text()
LISTED = re.compile(r"^- `([a-z0-9.-]+)`$", re.MULTILINE)

# Each module that opens a connection or sends a datagram by itself, and whom it reaches.
CALLERS = {
    "gateway/core/http_client.py": "lists, registers, sealed lists: the internet alone",
    "gateway/lists/fetch.py": "by outgoing",
    "gateway/feed/client.py": "the signed feed that qalqan.yaml names",
    "webui/messages/ntfy.py": "the server that a guardian wrote",
    "gateway/web/apprise_message.py": "the service or server that a guardian wrote",
    "gateway/web/web_push.py": "the push service that a browser named",
    "gateway/dataplane/lookups.py": "the gateway's own resolver",
    "gateway/control/client.py": "the daemon's own socket",
    "gateway/lan/dhcp_script.py": "the daemon's own socket",
    "gateway/web/recovery_page.py": "the daemon's own socket",
    "gateway/usp/service.py": "the socket of the router's USP agent that qalqan.yaml names",
    "gateway/check/rulesets.py": "the gateway itself",
    "gateway/dataplane/dns_proxy.py": "the resolver that a device asked, with that device's question",
    "gateway/filter_test/device.py": "an audit's own namespaces",
    "gateway/filter_test/probes.py": "an audit's own namespaces",
}
MODULES = {"http.client", "urllib.request", "smtplib", "ftplib", "asyncio", "requests", "httpx", "apprise"}
CALLS = {"create_connection", "connect", "connect_ex", "urlopen", "open_connection"}
OTHERS = {"sqlite3", "tunnels"}  # whose `connect` is a file, or the words of a CONNECT


def declared_hosts() -> set[str]:
    """Of lists, by the document."""
    return set(
        LISTED.findall(PRIVACY.partition("## What leaves the gateway by itself")[2].partition("\n## ")[0])
    )


def test_the_hosts_of_lists_are_those_of_the_code() -> None:
    known, data = load_product().categories, DATA.joinpath("sources.yaml").read_bytes()
    lists = parse_sources(data, "sources.yaml", known).values()
    urls = {url for one in lists for place in one.places for url in place}
    assert declared_hosts() == {urlsplit(url).hostname for url in urls}


def test_no_other_part_opens_a_connection() -> None:
    """A module that can is named above, with whom it reaches; whoever adds one changes the document."""
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("gateway", "webui")
        for path in (ROOT / room).rglob("*.py")
        if _calls(ast.parse(path.read_text("utf-8")))
    }
    assert found == CALLERS.keys()


def _calls(tree: ast.Module) -> bool:
    return any(_imports(node) or _connects(node) for node in ast.walk(tree))


def _imports(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(one.name in MODULES for one in node.names)
    return isinstance(node, ast.ImportFrom) and node.module in MODULES


def _connects(node: ast.AST) -> bool:
    if (
        not isinstance(node, ast.Call)
        or not isinstance(node.func, ast.Attribute)
        or node.func.attr not in CALLS
    ):
        return False
    return not (isinstance(node.func.value, ast.Name) and node.func.value.id in OTHERS)
