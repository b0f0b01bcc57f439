"""Evaluation: models on labelled images, against each other, and on pictures never seen."""
