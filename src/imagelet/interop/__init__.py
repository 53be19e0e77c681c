"""Classifiers for elsewhere, and from there: ONNX, one page, scripts for Keras and PyTorch."""
