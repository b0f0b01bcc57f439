"""Scripts that maintain the repository; run as `python -m tools.NAME` from its root."""
