"""When signs of a bypass method become a card. Pure."""
