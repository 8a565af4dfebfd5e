"""`qalqan audit`: the filter test. Tries every bypass method against the rules in use."""
