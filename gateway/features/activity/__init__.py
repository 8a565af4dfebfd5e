"""What devices did: decisions, last refusals, history."""
