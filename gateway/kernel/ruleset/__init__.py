"""Renders the nftables table as text. Pure: no I/O, no clock."""
