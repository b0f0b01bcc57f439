"""One process of one peer each, started by `benchmarks.measure`."""
