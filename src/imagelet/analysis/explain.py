"""One picture explained: prediction, activations of every layer, attributions, nearest training images.

Everything is plain data first; :func:`draw` makes files of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import html_repr, plots
from imagelet.analysis.embeddings import Neighbourhood, neighbourhood, neighbours_of, neighbours_sheet
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput, Prediction
from imagelet.classifier.sources import Source, name_of, pixels_of
from imagelet.errors import DataError
from imagelet.explanation.activations import (
    DeadUnits,
    LayerActivations,
    dead_units,
    filters,
    find_layer,
    histogram,
    is_convolution,
    layer_activations,
    value_range,
)
from imagelet.explanation.attribution import NO_CONVOLUTION, Attribution, attribute, class_of, methods_for
from imagelet.explanation.embeddings import Neighbour
from imagelet.messages import Message
from imagelet.plots.explanation import Marked, Meaning
from imagelet.progress import Progress
from imagelet.runs.learner import find_learner, load
from imagelet.runs.provenance import image_of

NEIGHBOURS = 8
LOOKED_AT = 500  # training images, for units that are dead
MEANINGS: dict[str, tuple[Meaning, str]] = {
    "saliency": ("either way", "small changes here move the prediction"),
    "integrated-gradients": ("for and against", "these pixels' part of the logit"),
    "grad-cam": ("for", "where the layer finds the class"),
    "occlusion": ("for and against", "hidden, the probability falls, or rises"),
}


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a classifier makes of one picture, and how.

    Attributes:
        classifier: the classifier.
        prediction: its prediction.
        picture: uint8 (height, width, 1 or 3), the picture as a person sees it, upright.
        framed: the image that the network got, and where it lies in the picture.
        layers: what every layer gives, in order.
        attributions: what speaks for one class, by each method that the network allows.
        neighbours: the nearest training images, the nearest first; empty where they are not on this machine.
        near: all training images; None where they are not on this machine.
        dead: the units of each activation that rose above 0 for none of some hundred training images; empty
            where these are not on this machine.
        missing: what is left out, and why, in sentences.
    """

    classifier: Classifier
    prediction: Prediction
    picture: NDArray[np.uint8]
    framed: FramedInput
    layers: tuple[LayerActivations, ...]
    attributions: tuple[Attribution, ...]
    neighbours: tuple[Neighbour, ...]
    near: Neighbourhood | None
    dead: tuple[DeadUnits, ...]
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Explanation({self.prediction!r}, {len(self.layers)} layers)"

    def to_json(self, drawn: dict[str, Path] | None = None) -> dict[str, Any]:
        """Return plain data without the values themselves; ``drawn`` are the files that :func:`draw` made."""
        files = {name: str(path) for name, path in (drawn or {}).items()}
        classes = () if self.near is None else self.near.images.classes
        return {
            "prediction": self.prediction.to_json(),
            "layers": [
                {**each.facts(), "file": files.get(each.name), "filters": files.get(f"{each.name} filters")}
                for each in self.layers
            ],
            "attributions": [
                {name: value for name, value in each.to_json().items() if name != "values"}
                for each in self.attributions
            ],
            "neighbours": [each.to_json(classes) for each in self.neighbours],
            "dead_units": [each.to_json() for each in self.dead],
            "missing": list(self.missing),
            "files": list(files.values()),
        }

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the prediction, the layers, the neighbours' labels."""
        rows = [
            (each.name, each.kind, _shape(each), f"{each.low:.3g} … {each.high:.3g}") for each in self.layers
        ]
        table = html_repr.table(("layer", "kind", "output", "values"), rows)
        return self.prediction._repr_html_() + html_repr.block("Layers", table)


def explain(
    run_or_file: Any,
    picture: Source,
    target: int | str | None = None,
    *,
    neighbours: int = NEIGHBOURS,
    allow_import: bool | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Explain what a classifier makes of a picture.

    Args:
        run_or_file: as :func:`imagelet.load` takes it.
        picture: the picture, or ``test:17`` for an image of the dataset that the classifier learned from.
        target: the class, name or index, that the attributions are about; None: the predicted class.
        neighbours: how many training images to find; 0 for none.
        allow_import: whether code that the file names as its network is imported, as :func:`imagelet.load`.
        progress: is told how many training images are embedded, where that was not done before.

    Raises:
        RunError: there is no such classifier.
        PictureError: the picture cannot be read.
        UnknownNameError, UsageError: no such class or image, or more neighbours than training images.
    """
    classifier = load(run_or_file, allow_import=allow_import)
    learner = replace(find_learner(run_or_file), loaded=classifier)
    if target is not None:
        class_of(classifier.classes, target)  # said before the work
    source = image_of(learner, picture)
    pixels = pixels_of(source, classifier.input_shape)
    framed = replace(classifier.frame(pixels), file=name_of(source))
    prediction = classifier.prediction(framed, classifier.logits(framed.image[np.newaxis])[0])
    methods = methods_for(classifier.network)
    shown = tuple(attribute(classifier, framed.image, method, target) for method in methods)
    missing = [] if "grad-cam" in methods else [NO_CONVOLUTION]
    near: Neighbourhood | None = None
    found: tuple[Neighbour, ...] = ()
    if neighbours:
        try:
            near = neighbourhood(learner, progress)
            (found,) = neighbours_of(near, framed.image[np.newaxis], neighbours)
        except DataError as error:
            missing.append(
                Message("the nearest training images, dead units: {problem}", problem=error.message)
            )
    layers = layer_activations(classifier, framed.image)
    dead = () if near is None else dead_units(classifier, _some(near))
    return Explanation(
        classifier, prediction, pixels, framed, layers, shown, found, near, dead, tuple(missing)
    )


def load_and_frame(run_or_file: Any, picture: Source) -> tuple[Classifier, FramedInput]:
    """Return a classifier and a picture as its network gets it; errors as :func:`explain`'s."""
    classifier = load(run_or_file)
    return classifier, classifier.frame(image_of(run_or_file, picture))


def draw(explanation: Explanation, folder: Path, scope: str = "layer") -> dict[str, Path]:
    """Draw everything into a folder: attributions, neighbours, each layer's maps, filters, histograms.

    Args:
        explanation: what to draw.
        folder: is made if need be.
        scope: what the colours of a map stand for: the values of this ``map``, of this ``layer``, of ``all``.

    Returns:
        The files by name: ``evidence``, ``neighbours``, ``histograms``, a layer's name, and its name with
        ``filters``.

    Raises:
        UsageError: another scope.
        OSError: the folder cannot be written.
    """
    ranges = value_range(explanation.layers, scope)
    drawn = {"evidence": folder / "evidence.png"}
    plots.save(_evidence_figure(explanation), drawn["evidence"])
    if explanation.near is not None:
        drawn["neighbours"] = folder / "neighbours.png"
        image, predicted = explanation.framed.image[np.newaxis], [explanation.prediction.predicted]
        sheet = neighbours_sheet(explanation.near, image, predicted, predicted, (explanation.neighbours,))
        plots.save(sheet, drawn["neighbours"])
    for number, layer in enumerate(explanation.layers, start=1):
        name = re.sub(r"[^\w-]+", "-", layer.name)
        path = folder / f"layer-{number:02}-{name}.png"
        drawn |= _draw_layer(explanation, layer, ranges[layer.name], scope, path)
    spread = [(each.name, vars(histogram(each.values))) for each in explanation.layers]
    drawn["histograms"] = folder / "histograms.png"
    plots.save(plots.layer_histograms(spread, "the values of each layer"), drawn["histograms"])
    return drawn


def _draw_layer(
    explanation: Explanation,
    layer: LayerActivations,
    colours: Sequence[tuple[float, float]],
    scope: str,
    path: Path,
) -> dict[str, Path]:
    """Draw a layer's maps as ``path``, a convolution's filters beside it; return the files by name."""
    classes, is_vector = explanation.classifier.classes, layer.values.ndim == 1
    sheet = plots.layer_maps(
        layer.values,
        colours,
        f"{layer.name}: {_shape(layer)}",
        "" if is_vector else f"one range of colours for each {scope}" * (scope != "all"),
        image=explanation.framed.image,
        names=classes if is_vector and len(layer.values) == len(classes) else (),
    )
    plots.save(sheet, path)
    network = explanation.classifier.network
    if not is_convolution(find_layer(network, layer.name)):
        return {layer.name: path}
    weights, filters_path = filters(network, layer.name), path.with_stem(f"{path.stem}-filters")
    title = f"{layer.name}: {len(weights)} filters of {' × '.join(map(str, weights.shape[1:]))}"
    plots.save(plots.filters(weights, title), filters_path)
    return {layer.name: path, f"{layer.name} filters": filters_path}


def _evidence_figure(explanation: Explanation) -> "plots.Figure":
    height, width = explanation.picture.shape[:2]
    placement = explanation.framed.placement
    marked = [
        Marked(
            each.method if each.layer is None else f"{each.method}, {each.layer}",
            MEANINGS[each.method][1],
            MEANINGS[each.method][0],
            each.values,
            None if placement is None else placement.onto(each.values, height, width),
        )
        for each in explanation.attributions
    ]
    asked = explanation.attributions[0]
    answer = f"{asked.class_name}   {plots.percent(asked.probability)}"
    return plots.evidence(explanation.picture, explanation.framed.image, marked, answer)


def _some(near: Neighbourhood) -> NDArray[np.uint8]:
    """Return some hundred training images, evenly out of all."""
    indices = near.embeddings.indices
    return near.images.images[indices[:: -(-len(indices) // LOOKED_AT)]]


def _shape(each: LayerActivations) -> str:
    return " × ".join(map(str, each.shape))
