"""Age bands, and adult proofs by a wallet. Pure: see README.md."""
