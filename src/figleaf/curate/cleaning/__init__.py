"""Cleaning: what is no use, or there twice, is set aside with its reason."""
