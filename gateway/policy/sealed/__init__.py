"""Sealed lists and what their issuers and providers report. Pure."""
