"""The two document types of a proof, and the one element that is requested from either."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

ELEMENT = "age_over_18"


class Method(StrEnum):
    """The method by which a person proved to be an adult; the value is stored."""

    EU_AV = "eu_av"  # the EU's age verification profile, docType eu.europa.ec.av.1
    MDL = "mdl"  # a mobile driving licence by ISO 18013-5


class Document(StrEnum):
    """A type of document in a wallet that can prove an age. The value is its docType."""

    EU_AV = "eu.europa.ec.av.1"
    MDL = "org.iso.18013.5.1.mDL"

    @property
    def namespace(self) -> str:
        return _NAMESPACES[self]

    @property
    def method(self) -> Method:
        return _METHODS[self]

    @property
    def purposes(self) -> frozenset[str]:
        """The extended key usages (OIDs) of which the certificate of the proof's signer needs one."""
        return _PURPOSES[self]


_NAMESPACES: Final = {Document.EU_AV: "eu.europa.ec.av.1", Document.MDL: "org.iso.18013.5.1"}
_METHODS: Final = {Document.EU_AV: Method.EU_AV, Document.MDL: Method.MDL}
_MDL_SIGNER = "1.0.18013.5.1.2"  # ISO 18013-5, table B.3
_MDOC_SIGNER = "1.0.23220.4.1.2"  # ISO 23220-4: for mdocs other than licences
_EU_SIGNER = "1.3.130.2.0.0.1.2"  # from the EUDI PID rulebook
# The text of the EU's profile (annex A) names no key usage. Its two examples have that of the PID rulebook;
# issuers that follow ISO have one of the others. A licence's signer has only ISO's own.
_PURPOSES: Final = {
    Document.EU_AV: frozenset((_MDL_SIGNER, _MDOC_SIGNER, _EU_SIGNER)),
    Document.MDL: frozenset((_MDL_SIGNER,)),
}
