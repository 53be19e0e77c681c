"""`imagelet predict mnist PICTURE`, which prints how long framing and network took, not the predictions.

    python benchmarks/starting_worker.py PICTURE

It imports what the command imports and nothing else, so its process takes as long.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

from imagelet.cli import main


def timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """Return the function, which adds the seconds that each call takes to ``spent``."""

    def call(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        result = function(*arguments, **named)
        spent.append(time.perf_counter() - started)
        return result

    return call


def run(picture: str) -> None:
    """Predict, and print the seconds as JSON."""
    from imagelet.classifier.classifier import Classifier

    framing: list[float] = []
    network: list[float] = []
    Classifier.frame = timed(Classifier.frame, framing)  # type: ignore[method-assign]
    Classifier.predict_proba = timed(Classifier.predict_proba, network)  # type: ignore[method-assign]
    with redirect_stdout(io.StringIO()):
        main(["predict", "mnist", picture])
    print(json.dumps({"framing_seconds": sum(framing), "network_seconds": sum(network)}))


if __name__ == "__main__":
    run(sys.argv[1])
