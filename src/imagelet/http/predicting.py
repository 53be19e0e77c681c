"""Predictions for the pictures of several requests in one batch, and what a response says of each."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput, Prediction
from imagelet.errors import PictureError
from imagelet.messages import translate

Result = Prediction | PictureError
"""What comes of a picture; a prediction names all classes."""


def predict_together(
    classifier: Classifier, requests: Sequence[Sequence[FramedInput | PictureError]]
) -> list[list[Result]]:
    """Return a classifier's predictions for the pictures of each request, computed in one batch."""
    pictures = [picture for request in requests for picture in request]
    images = [picture.image for picture in pictures if isinstance(picture, FramedInput)]
    logits = iter(classifier.logits(np.stack(images)) if images else ())
    every = len(classifier.classes)
    results = (
        classifier.prediction(picture, next(logits), every) if isinstance(picture, FramedInput) else picture
        for picture in pictures
    )
    return [list(islice(results, len(request))) for request in requests]


def prediction_or_error(result: Result) -> dict[str, Any]:
    """Return what a response says of a picture: the prediction with all probabilities, or the error."""
    if isinstance(result, PictureError):
        return {"error": {"message": result.message, "hint": result.hint}}
    probabilities = dict(zip(result.top_classes, (share for _, share in result.top), strict=True))
    return {
        "predicted": result.predicted,
        "class": result.class_index,
        "probability": result.probability,
        "sure": result.sure,
        "warnings": list(result.warnings),
        "probabilities": [probabilities[index] for index in sorted(probabilities)],
    }


def translate_prediction(facts: dict[str, Any]) -> None:
    """Bring a prediction's warnings, or its error, into the language of the request.

    Predictions are computed together with those of other requests.
    """
    if "error" in facts:
        facts["error"] = {name: translate(text) for name, text in facts["error"].items()}
    else:
        facts["warnings"] = [translate(warning) for warning in facts["warnings"]]
