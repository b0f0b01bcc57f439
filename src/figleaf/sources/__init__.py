"""Where images come from: lists of URLs, folders, tables, shards; what is denied; how to fetch."""
