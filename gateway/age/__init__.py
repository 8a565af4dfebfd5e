"""Age bands, and later proofs of age. Pure: see README.md."""
