"""Children's requests, and the answers to them."""
