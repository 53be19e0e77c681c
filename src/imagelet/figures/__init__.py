"""Plain data in, matplotlib figures out: curves, confusion, grids of images, answers and how likely.

The only package that imports matplotlib, and only when a figure is drawn. No display is needed and no global
state is left behind: figures are made directly, never through pyplot.
"""

from typing import TYPE_CHECKING

from imagelet.figures.answers import answers
from imagelet.figures.confusion_matrix import confusion
from imagelet.figures.evidence import evidence
from imagelet.figures.feature_maps import feature_maps
from imagelet.figures.inspection import inspection
from imagelet.figures.layer_maps import filters, layer_maps
from imagelet.figures.layer_values import layer_histograms
from imagelet.figures.pictures import grid, predictions
from imagelet.figures.seen import answer_line, seen
from imagelet.figures.shift_curves import shift_curves
from imagelet.figures.style import percent, save
from imagelet.figures.training_curves import curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure  # for those who name the type and import no matplotlib

__all__ = [
    "answer_line",
    "answers",
    "confusion",
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
    "shift_curves",
]
