"""Pages outside of the features: first run, language, help, the provider's brand, event stream."""
