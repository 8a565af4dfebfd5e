"""Shared and handed-over devices, PINs of children, and adult proofs."""
