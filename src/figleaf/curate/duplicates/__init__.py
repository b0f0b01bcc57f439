"""Finding pictures that are the same but for small changes, by their PDQ hashes."""
