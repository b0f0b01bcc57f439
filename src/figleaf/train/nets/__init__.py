"""Backbones as torch modules, for fine-tuning and for weights that come as torch state dicts."""
