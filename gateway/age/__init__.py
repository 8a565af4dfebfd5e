"""Age bands, and proofs of adulthood from a wallet. Pure: see README.md."""
