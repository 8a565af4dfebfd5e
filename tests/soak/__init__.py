"""`make soak`: hours of mixed traffic, and whether memory, descriptors, database and logs stop growing."""
