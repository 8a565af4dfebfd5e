"""The page on which a home gets a trusted name with HTTPS."""
