"""Curating: what was collected becomes data to train and test on."""
