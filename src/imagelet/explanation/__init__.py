"""What happens inside: the arithmetic of a layer over one image, and what the layers of any network do.

Modules that look into a network import PyTorch; those on plain numbers are NumPy only.
"""
