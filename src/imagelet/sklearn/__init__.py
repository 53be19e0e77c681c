"""A classifier of images for scikit-learn: fit, predict, score, and all that scikit-learn builds on these.

It trains as :func:`imagelet.train` does, in memory: it writes no run and prints nothing.
"""

from imagelet.sklearn.image_classifier import ImageClassifier

__all__ = ["ImageClassifier"]
