"""The nftables table as text. Pure."""
