"""Thresholds fitted to one's own pictures, and the policy file that they make."""
