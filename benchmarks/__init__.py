"""Measurements, and the documents that are made of them; run as ``python -m benchmarks.run``."""
