"""Classifiers for elsewhere: as ONNX."""
