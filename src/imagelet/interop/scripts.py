"""A training as a script for Keras or PyTorch: short, runnable, and as people write it by hand."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.errors import UsageError
from imagelet.interop import keras_script, pytorch_script
from imagelet.interop.scripted import ScriptedTraining
from imagelet.networks.other_libraries import FRAMEWORKS, calls_of
from imagelet.registry import suggestion

WEIGHTS = ".weights.npz"  # what stands behind a script's name in that of its weights


@dataclass(frozen=True, eq=False)
class Script:
    """A script, and the weights that it takes along.

    Attributes:
        framework: ``keras`` or ``pytorch``.
        network: text or name.
        parameters: how many the network has.
        code: the script.
        left_out: what it leaves out of the training that it was written for, a few words each.
        weights: the trained weights, in the order of the script's model; None where it trains.
    """

    framework: str
    network: str
    parameters: int
    code: str
    left_out: tuple[str, ...]
    weights: dict[str, NDArray[Any]] | None = None

    def save(self, path: Path) -> Path | None:
        """Write the script, and its weights beside it; return their file, None where there are none."""
        atomic_files.write_text(path, self.code)
        if self.weights is None:
            return None
        content = io.BytesIO()
        np.savez(content, **self.weights)  # type: ignore[arg-type]
        beside = path.with_suffix(WEIGHTS)
        atomic_files.write_bytes(beside, content.getvalue())
        return beside


def write_script(training: ScriptedTraining, framework: str, file_name: str = "") -> Script:
    """Return a script that does a training again, or, with weights, one that tests the trained network.

    Args:
        training: what it trains.
        framework: ``keras`` or ``pytorch``.
        file_name: of the script without its suffix, by which it calls its weights; empty: the training's.

    Raises:
        UsageError: another framework, a network that is code of its own, or an optimizer that is not known.
        NetworkTextError: a layer that the framework does not have.
    """
    if framework not in FRAMEWORKS:
        raise UsageError(
            "'{given}' is no framework that scripts are written for{meant}",
            hint="--framework keras, or pytorch",
            given=framework,
            meant=suggestion(framework, FRAMEWORKS),
        )
    calls = calls_of(training.layers, training.input_shape, framework)
    left_out = training.left_out
    if framework == "keras":
        left_out = (*left_out, *keras_script.left_out(training))
    library = keras_script if framework == "keras" else pytorch_script
    code = library.write(training, calls, left_out, f"{file_name or training.name}{WEIGHTS}")
    weights = library.arrays(training, calls) if training.weights is not None else None
    return Script(framework, training.network, training.parameters, code, left_out, weights)
