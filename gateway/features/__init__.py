"""One folder a feature: its state and its verbs. Only `gateway.app` imports all of them."""
