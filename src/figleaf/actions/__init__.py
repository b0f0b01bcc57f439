"""What becomes of files after a verdict."""
