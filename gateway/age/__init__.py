"""Age bands, and proofs from a wallet that a person is 18 or older. No I/O and no clock."""
