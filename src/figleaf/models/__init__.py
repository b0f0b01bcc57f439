"""Models: bundles, their verification, preprocessing, and what runs them."""
