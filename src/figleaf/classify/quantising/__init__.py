"""A model's twin in int8: made, compared with it, and only then written."""
