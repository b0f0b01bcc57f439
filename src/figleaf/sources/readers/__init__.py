"""Reading what names images: lists, tables, folders, shards; and the files that lie here."""
