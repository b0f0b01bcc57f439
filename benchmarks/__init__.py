"""Benchmarks of figleaf and its peers: see README.md. Run from the checkout, with `python -m`."""
