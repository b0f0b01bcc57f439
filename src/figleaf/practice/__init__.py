"""A practice set: safe generated pictures, lists with planted faults, a server on loopback."""
