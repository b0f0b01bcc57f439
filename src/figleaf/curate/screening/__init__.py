"""Screening: before any training, a model looks for images that are none of their class."""
