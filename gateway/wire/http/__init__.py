"""HTTP/1 requests. Pure."""
