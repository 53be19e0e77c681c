"""The classifier: network, preprocessing, class names and calibration in one file; its predictions."""
