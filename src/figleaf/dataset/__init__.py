"""A data set: one ledger and content-addressed image files in a folder."""
