"""The run folder: its files, and how they are read.

================================  ==================================================================
``experiment.toml``               what was trained on what, how; all that was resolved
``split.json``                    the training and validation images, frozen
``environment.json``              versions, device, commit, hash of the data
``start/``                        the trained classifier that the training started from, and which images that
                                  had learned from; absent where the weights were drawn
``checkpoint/``                   what ``--resume`` needs; gone when the run is finished
``history.jsonl``                 one line an epoch
``classifier.safetensors``        the classifier of the best validation epoch
``metrics.json``                  figures and seconds; its presence says that the run is finished
``test_evaluations.jsonl``        one line for each evaluation on the test images
``report.html``                   the page that ``imagelet report`` makes
``figures/``, ``README.md``       pictures and the model card
``embeddings.safetensors``        embeddings of the training images, made when first asked for
================================  ==================================================================
"""

import contextlib
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet import atomic_files, html_repr
from imagelet.errors import RunError

if TYPE_CHECKING:
    from imagelet.training.history import EpochFigures


@dataclass(frozen=True)
class Run:
    """One training of an experiment, in its folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def classifier_file(self) -> Path:
        """The classifier of the best validation epoch."""
        return self.folder / "classifier.safetensors"

    @property
    def start_file(self) -> Path:
        """The classifier whose weights the training started with; absent where they were drawn."""
        return self.folder / "start" / "classifier.safetensors"

    @property
    def start_images_file(self) -> Path:
        """Digests of the images that :attr:`start_file` had learned from; absent where these are unknown."""
        return self.folder / "start" / "images.bin"

    @property
    def checkpoints(self) -> Path:
        """The folder with what ``--resume`` needs."""
        return self.folder / "checkpoint"

    @property
    def figures(self) -> Path:
        """The folder with the pictures."""
        return self.folder / "figures"

    @property
    def embeddings_file(self) -> Path:
        """The embeddings of the training images; absent until they are first asked for."""
        return self.folder / "embeddings.safetensors"

    @property
    def finished(self) -> bool:
        """Whether training has ended and the folder is complete."""
        return (self.folder / "metrics.json").exists()

    @property
    def experiment(self) -> dict[str, Any]:
        """The content of ``experiment.toml``.

        Raises:
            RunError: here as below, the file is damaged.
        """
        from imagelet.runs import files

        return files.read_experiment(self.folder)

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of ``metrics.json``; empty while the run is not finished."""
        from imagelet.runs import files

        return files.read_metrics(self.folder)

    @property
    def environment(self) -> dict[str, Any]:
        """The content of ``environment.json``."""
        from imagelet.runs import files

        return files.read_environment(self.folder)

    @property
    def history(self) -> list["EpochFigures"]:
        """The figures of the epochs that are done."""
        from imagelet.runs import files

        return files.read_history(self.folder)

    @property
    def test_evaluations(self) -> list[dict[str, Any]]:
        """Every evaluation on the test images, the oldest first."""
        from imagelet.runs import files

        return files.read_test_evaluations(self.folder)

    def record_test_evaluation(
        self, figures: dict[str, Any], then: Callable[[], None] = lambda: None, data_sha256: str = ""
    ) -> int:
        """Record an evaluation on the test images and return how many there were, this one included.

        One process at a time: the line in ``test_evaluations.jsonl``, ``test`` in ``metrics.json`` and what
        ``then`` writes belong together. A run that is not finished has no ``metrics.json`` yet.

        Args:
            figures: what ``metrics.json`` holds of the test images: ``accuracy``, ``images`` and more.
            then: is called after recording in a finished run: it writes what shows the figures or the count.
            data_sha256: the fingerprint of the test images.
        """
        entry = {
            "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "accuracy": figures["accuracy"],
            "images": figures["images"],
            **({"data_sha256": data_sha256} if data_sha256 else {}),
        }
        import filelock

        with filelock.FileLock(self.folder / ".test_evaluations.lock"):
            entries = [*self.test_evaluations, entry]
            content = "".join(json.dumps(one) + "\n" for one in entries)
            atomic_files.write_text(self.folder / "test_evaluations.jsonl", content)
            if self.finished:
                atomic_files.write_json(self.folder / "metrics.json", self.metrics | {"test": figures})
                then()
        return len(entries)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the state, the figures, the epochs as a curve."""
        title = f"Run {self.name}"
        try:
            facts, past = (
                html_repr.run_facts(self.experiment, self.metrics, len(self.test_evaluations)),
                self.history,
            )
            curves: list[tuple[str, list[float | None]]] = [("training", [epoch.accuracy for epoch in past])]
            curves += [("validation", [epoch.val_accuracy for epoch in past])]
            return html_repr.block(
                title, html_repr.facts(facts | {"folder": self.folder}), html_repr.curves(curves)
            )
        except (RunError, OSError, LookupError, TypeError, ValueError) as error:
            return html_repr.block(title, html_repr.facts({"state": f"damaged: {error}"}))

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep other processes from training in this folder at the same time.

        Raises:
            RunError: another process does already.
        """
        import filelock

        lock = filelock.FileLock(self.folder / ".training.lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise RunError(
                "the run '{name}' is being trained by another process",
                hint="wait for it, or train under another --name",
                name=self.name,
            ) from error
        try:
            yield
        finally:
            lock.release()
