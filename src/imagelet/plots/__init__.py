"""Plain data in, matplotlib figures out: curves, confusion, grids of images, answers and how likely.

The only package that imports matplotlib, and only when a figure is drawn. No display is needed and no global
state is left behind: figures are made directly, never through pyplot.
"""

from typing import TYPE_CHECKING

from imagelet.plots.activations import feature_maps, filters, layer_histograms, layer_maps
from imagelet.plots.attribution import evidence
from imagelet.plots.classification import confusion
from imagelet.plots.curves import corruption_curves, curves
from imagelet.plots.image_grids import grid, predictions
from imagelet.plots.inspection import inspection
from imagelet.plots.prediction_sheets import answer_line, answers, seen
from imagelet.plots.style import percent, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure  # for those who name the type and import no matplotlib

__all__ = [
    "answer_line",
    "answers",
    "confusion",
    "corruption_curves",
    "curves",
    "evidence",
    "feature_maps",
    "filters",
    "grid",
    "inspection",
    "layer_histograms",
    "layer_maps",
    "percent",
    "predictions",
    "save",
    "seen",
]
