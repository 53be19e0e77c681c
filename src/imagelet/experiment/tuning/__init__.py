"""Tuning: recipe fields and network text searched by validation images, and compared on images set aside."""
