"""Classifiers for elsewhere, and from there: ONNX, scripts for Keras and PyTorch."""
