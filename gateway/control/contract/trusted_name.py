"""The verb of the pages' trusted name: gets a certificate for it by a DNS provider, and turns HTTPS on."""

from __future__ import annotations

from typing import Annotated, Literal

from gateway.control.schema import OneLine, Text, record
from gateway.control.verbs import BY_GUARDIANS, Danger, Verb

TOKEN_LIMIT, EMAIL_LIMIT = 200, 100  # characters

Token = Annotated[str, Text(1, TOKEN_LIMIT, r"[\x21-\x7e]+")]
Email = Annotated[str, Text(3, EMAIL_LIMIT, r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")]


@record
class TrustedNameRequest:
    """Request about the pages' HTTPS name: show the state, get a certificate, or delete the account.

    The account is that of the DNS provider. To delete it (``stop``) also turns HTTPS off at its name.
    ``get`` needs all other fields except ``server``.
    """

    action: Literal["look", "get", "stop"]
    name: OneLine | None = None
    provider: OneLine | None = None
    token: Token | None = None  # of the provider; no answer contains it
    email: Email | None = None  # for the certificate authority
    server: OneLine | None = None  # another authority's directory; only root may name one


@record
class TrustedNameStatus:
    """The pages' HTTPS name and its DNS provider, and how the last attempt to get a certificate ended."""

    name: str  # empty: no account
    provider: str
    running: bool
    problem: str  # code of the last attempt's problem; empty: none
    providers: tuple[str, ...]  # that work with the installed ACME client
    configured: str  # the name that is set in qalqan.yaml; empty: none


TRUSTED_NAME = Verb(
    "trusted_name",
    TrustedNameRequest,
    TrustedNameStatus,
    senders=BY_GUARDIANS,
    danger=Danger(
        "getting a certificate for the trusted name, and deleting its account",
        lambda args: args.action != "look",
        by_tokens=False,
    ),
)
