"""Where bytes meet rules: packets and questions in, verdicts out. Pure: see README.md."""
