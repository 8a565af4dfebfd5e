"""`qalqan setup`: makes a gateway of a Debian machine."""
