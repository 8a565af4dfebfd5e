"""Cards about bypass methods that devices use."""
