"""`qalqan audit`: each way around the filter, tried against the rules that run."""
