"""Children's requests for time and sites, disputes about counted minutes, and the answers."""
