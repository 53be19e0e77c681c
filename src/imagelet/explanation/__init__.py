"""What happens inside a layer: its arithmetic over one image, with the working shown. NumPy only."""
