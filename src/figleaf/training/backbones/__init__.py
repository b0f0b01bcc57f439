"""Backbones: what gives the features that a head is trained on."""
