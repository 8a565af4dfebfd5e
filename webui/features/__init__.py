"""The features of the pages, with the names of gateway/features: pages, operations of the API, and texts."""
