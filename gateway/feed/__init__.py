"""The signed data feed: delivers the package's data apart from the package, by The Update Framework (TUF)."""
