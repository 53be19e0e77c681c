"""Plain data in, matplotlib figures out: curves, confusion, grids of images, answers and how likely.

The only package that imports matplotlib, and only when a figure is drawn. No display is needed and no global
state is left behind: figures are made directly, never through pyplot.
"""

from typing import TYPE_CHECKING

from imagelet.plots.activations import feature_maps, filters, layer_histograms, layer_maps
from imagelet.plots.explanation import embedding_map, evidence
from imagelet.plots.images import answer_line, answers, disagreements, grid, neighbours, predictions, seen
from imagelet.plots.inspection import inspection
from imagelet.plots.metrics import compared_curves, confusion, corruption_curves, curves, reliability
from imagelet.plots.style import percent, save
from imagelet.plots.tuning import importance, learning_rate_range, tuning_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure  # for those who name the type and import no matplotlib

__all__ = [
    "answer_line",
    "answers",
    "compared_curves",
    "confusion",
    "corruption_curves",
    "curves",
    "disagreements",
    "embedding_map",
    "evidence",
    "feature_maps",
    "filters",
    "grid",
    "importance",
    "inspection",
    "layer_histograms",
    "layer_maps",
    "learning_rate_range",
    "neighbours",
    "percent",
    "predictions",
    "reliability",
    "save",
    "seen",
    "tuning_trials",
]
