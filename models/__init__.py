"""Model bundles: the ONNX run-time, the registry, training and evaluation."""
