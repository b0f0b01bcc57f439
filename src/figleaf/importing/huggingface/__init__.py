"""Models in Hugging Face's layout: a folder of theirs, or one of the hub's repositories."""
