"""Detects bypass methods that devices use, such as VPNs, and shows guardians a card for each."""
