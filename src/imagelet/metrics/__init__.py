"""How good a classifier is and how far to trust it: arrays in, figures out. NumPy only."""
