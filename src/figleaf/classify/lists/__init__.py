"""Lists of hashes that are asked before a model is: what is on one is allowed, or blocked."""

from figleaf.classify.lists.lists import Listing, Lists, load_lists

__all__ = ["Listing", "Lists", "load_lists"]
