"""A child's rules: what they are, how they are said, and what a change writes."""
