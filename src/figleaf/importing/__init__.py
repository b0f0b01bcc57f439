"""Others' models become bundles: Hugging Face's layout, TensorFlow.js."""
