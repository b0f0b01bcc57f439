"""How good predictions are: pure NumPy, from labels and probabilities to figures."""
