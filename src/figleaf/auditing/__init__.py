"""Auditing: labels that are likely wrong, images like no class, classes that look the same."""
