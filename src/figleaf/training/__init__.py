"""Training: backbones, features, heads, fine-tuning, calibration, and the bundle at the end."""
