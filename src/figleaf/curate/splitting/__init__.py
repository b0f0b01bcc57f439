"""Splitting: which images train, which validate, which test; decided by hashes, without leaks."""
