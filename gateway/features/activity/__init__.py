"""Records and shows what devices did: decisions, latest refusals, and the history of past days."""
