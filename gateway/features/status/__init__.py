"""State of the gateway: status, health, figures, clock."""
