"""Minutes of use: the kernel counts, a look every ten seconds reads it."""
