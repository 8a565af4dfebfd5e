"""Cards on the pages that report which bypass methods devices have used."""
