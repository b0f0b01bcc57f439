"""Exporting: data sets in the forms that others read."""
