"""The composition root and the service."""
