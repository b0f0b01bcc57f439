"""From the packages that publish weights to ONNX graphs: what `import_weights.py` is made of."""
