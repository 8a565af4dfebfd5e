"""The bypass test (`qalqan audit`): a filter test that tries every bypass method against the rules in use."""
