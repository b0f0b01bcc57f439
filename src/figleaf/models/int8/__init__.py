"""Graphs that compute in int8: made of float ones and the ranges of their activations."""
