"""The forms in which datasets come: each module recognises one and reads it."""

from imagelet.data.forms import idx, npy, npz, pixel_table  # each registers its form

__all__ = ["idx", "npy", "npz", "pixel_table"]
