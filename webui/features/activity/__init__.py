"""What devices did: recent blocks, past days, and the weekly digest."""
