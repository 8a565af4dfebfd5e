"""Opens OpenWrt's firewall for the links of a filter test.

fw4 refuses packets from the LAN to an interface in no zone, and the test's links are in none. The added rules
match these links only; the filter's own table has an earlier priority.
"""

from __future__ import annotations

from gateway.audit.namespace import AuditError, command

_TABLE = ("inet", "fw4")
_COMMENT = '"qalqan audit"'


def admit(chain: str, match: str, link: str) -> None:
    """Accept packets on a link, if fw4 runs. ``match``: ``iifname`` or ``oifname``."""
    if _rules(chain) is not None:
        rule = (match, f'"{link}"', "accept", "comment", _COMMENT)
        command("nft", "insert", "rule", *_TABLE, chain, *rule)


def sweep() -> None:
    """Remove our rules, including those of an earlier test."""
    for chain in ("forward", "input"):
        for line in _rules(chain) or ():
            if _COMMENT in line:
                command("nft", "delete", "rule", *_TABLE, chain, "handle", line.rpartition("handle ")[2])


def _rules(chain: str) -> list[str] | None:
    """Return the chain's lines with their handles; None if the chain does not exist."""
    try:
        return command("nft", "-a", "list", "chain", *_TABLE, chain).splitlines()
    except AuditError:
        return None
