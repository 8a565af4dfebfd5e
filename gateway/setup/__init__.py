"""`qalqan setup`: turns a Debian machine into a gateway."""
