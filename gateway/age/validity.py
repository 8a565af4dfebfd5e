"""The validity period of a certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509


def validity(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """Return the start and the end of a certificate's validity, in UTC.

    `cryptography` 41 (OpenWrt 24.10) returns naive datetimes, which are in UTC (RFC 5280 4.1.2.5).
    """
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return certificate.not_valid_before.replace(tzinfo=UTC), certificate.not_valid_after.replace(tzinfo=UTC)
