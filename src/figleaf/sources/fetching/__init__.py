"""Fetching from the web, thousands at a time, and asking no host for more than it bears."""
