"""Applies the household's rules in the kernel: nftables table, time rules, packets, DNS, boot guard."""
