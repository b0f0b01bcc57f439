"""Several models as one: their graphs put together, and the card of the whole."""
