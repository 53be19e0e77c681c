"""Plain data in, matplotlib figures out: curves, confusion, grids of images, answers and how likely.

The only package that imports matplotlib, and only when a figure is drawn. No display is needed and no global
state is left behind: figures are made directly, never through pyplot.
"""

from typing import TYPE_CHECKING

from imagelet.plots.answers import answers
from imagelet.plots.confusion_matrix import confusion
from imagelet.plots.evidence import evidence
from imagelet.plots.feature_maps import feature_maps
from imagelet.plots.inspection import inspection
from imagelet.plots.layer_maps import filters, layer_maps
from imagelet.plots.layer_values import layer_histograms
from imagelet.plots.pictures import grid, predictions
from imagelet.plots.seen import answer_line, seen
from imagelet.plots.shift_curves import shift_curves
from imagelet.plots.style import percent, save
from imagelet.plots.training_curves import curves

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
