"""Languages of the pages, and texts for values such as times, rules, errors and decisions."""
