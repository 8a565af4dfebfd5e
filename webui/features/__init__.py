"""The pages, one folder for each feature of gateway/features: pages, operations of the API, texts."""
