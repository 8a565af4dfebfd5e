"""Who asks for what, and when, becomes a Decision. Pure: see README.md."""
