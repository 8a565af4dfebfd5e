"""Names that the gateway resolves or answers by itself."""
