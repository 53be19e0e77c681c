"""Starting from a trained classifier: its network, weights, normalization, framing, and what it learned from.

Its file is copied into the run's folder, with a digest of every image that it had learned from. So the run
can be resumed and reproduced, and says how many of its test images were learned from before, also when the
classifier that it started from is gone.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.data.imageset import Dataset, ImageSet
from imagelet.data.splits import Split
from imagelet.data.store import InMemory
from imagelet.errors import RunError, SettingError, UsageError
from imagelet.messages import Message
from imagelet.networks import Network, build, find_network
from imagelet.networks.text import with_open_classes
from imagelet.progress import Progress
from imagelet.runs.definition import AUTO, DEFAULT_NETWORK, Experiment
from imagelet.runs.learner import Learner, find_learner
from imagelet.runs.provenance import digests_before, digests_learned_from, image_digests
from imagelet.runs.run import Run
from imagelet.runs.store import shipped_classifiers
from imagelet.training.freezing import head_of

KEPT, NEW = "kept", "new"  # the head


@dataclass(frozen=True, eq=False)
class Start:
    """A trained classifier to start from.

    Attributes:
        name: its run's, or that of the file.
        place: what finds it again: a shipped classifier's name, else a path.
        content: the bytes of its file.
        classifier: what they hold.
        digests: of all images that it learned from, uint64 (n,), sorted; None where they are not known.
        learned_from: the datasets that it learned from, those of its own start included.
        run: the run that made it; None where there is only a file.
    """

    name: str
    place: str
    content: bytes
    classifier: Classifier
    digests: NDArray[np.uint64] | None
    learned_from: tuple[str, ...]
    run: Run | None = None

    @property
    def network(self) -> str:
        """The text or name of its network, for any number of classes."""
        return self._open(self.classifier.network_text)

    def has_network(self, text_or_name: str) -> bool:
        """Return whether its network is the one that is named; ``auto`` names none."""
        return text_or_name != AUTO and self._open(text_or_name) == self.network

    def _open(self, text_or_name: str) -> str:
        """Return a builder's name, or the canonical text for any number of classes."""
        named = find_network(text_or_name)
        return named.text if named.builder else with_open_classes(named.text, len(self.classifier.classes))

    def build(
        self, classes: tuple[str, ...], initial_weights: str, seed: int, *, allow_import: bool | None
    ) -> Network:
        """Return its network with its weights, the head drawn anew where the classes are others.

        Raises:
            UsageError: the network of so many classes has other layers before the head.
        """
        network = build(
            self.network,
            self.classifier.input_shape,
            len(classes),
            initial_weights,
            seed,
            allow_import=allow_import,
        )
        weights, drawn = self.classifier.network.state_dict(), network.state_dict()
        if classes != self.classifier.classes:
            head = f"{head_of(network)}."
            weights |= {name: tensor for name, tensor in drawn.items() if name.startswith(head)}
        differing = [
            name for name in drawn if name not in weights or weights[name].shape != drawn[name].shape
        ]
        if differing or weights.keys() != drawn.keys():
            raise UsageError(
                "the network of '{name}' has other layers for {count} classes: its weights do not fit",
                hint="start from a classifier whose network differs in its last layer alone",
                name=self.name,
                count=len(classes),
            )
        network.load_state_dict(weights)
        return network

    def facts(self, classes: tuple[str, ...], validation: ImageSet | None) -> dict[str, Any]:
        """Return what a run keeps of it in ``experiment.toml``.

        Args:
            classes: of the run.
            validation: the run's validation images, if it has any.
        """
        facts: dict[str, Any] = {
            "name": self.name,
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "head": KEPT if classes == self.classifier.classes else NEW,
            "framing": self.classifier.framing.to_json(),
            "learned_from": list(self.learned_from),
        }
        if validation is not None and self.digests is not None:
            facts["validation_learned"] = int(np.isin(image_digests(validation), self.digests).sum())
        return facts

    def write(self, folder: Path) -> None:
        """Write the classifier, and what it learned from, into a run's folder."""
        run = Run(folder)
        run.start_file.parent.mkdir()
        atomic_files.write_bytes(run.start_file, self.content)
        if self.digests is not None:
            atomic_files.write_bytes(run.start_images_file, self.digests.astype("<u8").tobytes())


def open_start(run_or_file: Any, *, allow_import: bool | None = None) -> Start:
    """Return the classifier that a training is to start from.

    Args:
        run_or_file: a run's folder or name, a ``.safetensors`` file, or a shipped classifier's name.
        allow_import: whether code that its network names is imported; None: as IMAGELET_ALLOW_IMPORT says.

    Raises:
        RunError: there is none, or its run is not finished.
        ClassifierFileError: the file is damaged.
    """
    learner = find_learner(run_or_file)
    classifier, run = learner.load(allow_import=allow_import), learner.run
    return Start(
        name=learner.name,
        place=place_of_start(learner),
        content=_file_of(learner).read_bytes(),
        classifier=classifier,
        digests=digests_learned_from(replace(learner, loaded=classifier)),
        learned_from=_learned_from(classifier),
        run=run,
    )


def place_of_start(run_or_file: Any) -> str:
    """Return what finds a classifier again from anywhere: a shipped one's name, else a path.

    Args:
        run_or_file: as :func:`imagelet.load` takes it.

    Raises:
        UsageError: a classifier in memory that lies in no file.
        RunError: there is none of that name, or its run is not finished.
    """
    learner = find_learner(run_or_file)
    if learner.run is not None:
        return str(learner.run.folder.resolve())
    file = _file_of(learner)
    return learner.name if shipped_classifiers().get(learner.name) == file else str(file.resolve())


def _file_of(learner: Learner) -> Path:
    """Return the file of a classifier.

    Raises:
        UsageError: it is in memory alone.
    """
    if learner.file is None:
        raise UsageError(
            "this classifier lies in no file that a training could start from",
            hint="save it first: classifier.save('mine.safetensors')",
        )
    return learner.file


def start_of(run: Run, *, allow_import: bool | None) -> Start | None:
    """Return what a run started from, as its folder keeps it; None where its weights were drawn.

    Raises:
        RunError: the files of it are missing or damaged.
        ClassifierFileError: the classifier is damaged.
    """
    content = run.experiment
    facts = content["resolved"].get("start")
    if facts is None:
        return None
    classifier = Classifier.load(run.start_file, allow_import=allow_import)
    raw = run.start_file.read_bytes()
    if hashlib.sha256(raw).hexdigest() != facts["sha256"]:
        raise RunError(
            "the run '{name}' is damaged: {file} is not the classifier that it started from",
            name=run.name,
            file=run.start_file,
        )
    place = str(content.get("start_from", facts["name"]))
    digests, learned_from = digests_before(run), tuple(facts["learned_from"])
    return Start(facts["name"], place, raw, classifier, digests, learned_from)


def with_start(experiment: Experiment, start: Start | None = None) -> tuple[Experiment, Start | None]:
    """Return the experiment as :func:`started` settles it, and what it starts from, opened.

    Raises:
        ImageletError: as :func:`open_start` and :func:`started`.
    """
    if start is None and experiment.start_from is not None:
        start = open_start(experiment.start_from)
    return started(experiment, start), start


def started(experiment: Experiment, start: Start | None) -> Experiment:
    """Return the experiment with the network, and the place, of what it starts from.

    Raises:
        SettingError: another network or input shape is asked for.
    """
    if start is None:
        return experiment
    network = experiment.network
    if not start.has_network(network):
        if network not in (AUTO, DEFAULT_NETWORK):
            raise SettingError(
                "network = {network} is not that of '{name}', which the training starts from",
                hint="leave the network out, or start_from",
                network=network,
                name=start.name,
            )
        network = start.network
    shape = start.classifier.input_shape
    if experiment.input_shape is not None and experiment.input_shape != shape[: len(experiment.input_shape)]:
        raise _other_shape(Message("the input shape"), experiment.input_shape, start)
    return replace(experiment, network=network, start_from=start.place, input_shape=None)


def open_data(
    experiment: Experiment, start: Start | None, in_memory: InMemory, progress: Progress | None = None
) -> Dataset:
    """Return the dataset of an experiment; a folder's pictures are framed as what it starts from does.

    Raises:
        SettingError: its images have another size than the classifier takes.
        DataError: it cannot be read.
    """
    framing = None if start is None else start.classifier.framing
    dataset = load_dataset(
        experiment.dataset,
        **experiment.reading,
        framing=framing,
        in_memory=in_memory,
        progress=progress,
    )
    if start is not None and dataset.shape != start.classifier.input_shape:
        raise _other_shape(Message("'{name}'", name=dataset.card.name), dataset.shape, start)
    return dataset


def split_of(start: Start, dataset: Dataset, experiment: Experiment) -> Split | None:
    """Return the split of the run that is started from, where it is of the same images and none is asked for.

    So its validation images stay those that neither of the two learned from.
    """
    if start.run is None or experiment.validation != AUTO or experiment.limit:
        return None
    split = Split.load(start.run.folder / "split.json")
    return split if split.data_sha256 == dataset.train.fingerprint() else None


def notes_on(facts: dict[str, Any] | None, validation_images: int) -> list[Message]:
    """Return what is said of a run's start, from what its folder keeps; nothing where there is none."""
    if facts is None:
        return []
    notes = [
        Message(
            "starts from '{name}', which learned from {datasets}; same classes: its last layer is kept"
            if facts["head"] == KEPT
            else "starts from '{name}', which learned from {datasets}; other classes: the last layer is new",
            name=facts["name"],
            datasets=", ".join(facts["learned_from"]),
        )
    ]
    if validation_images and "validation_learned" not in facts:
        notes.append(
            Message(
                "the images that '{name}' learned from are not here: it is not known whether yours are among "
                "them",
                name=facts["name"],
            )
        )
    return notes


def warnings_on(resolved: dict[str, Any]) -> tuple[Message, ...]:
    """Return a warning where validation images of a run were learned from by what it starts from.

    Args:
        resolved: what the run's ``experiment.toml`` holds under this name.
    """
    facts = resolved.get("start", {})
    learned = facts.get("validation_learned")
    if not learned:
        return ()
    return (
        Message(
            "'{name}' had learned from {learned:,} of the {count:,} validation images: their accuracy is too "
            "high",
            name=facts["name"],
            learned=learned,
            count=resolved["validation_images"],
        ),
    )


def _learned_from(classifier: Classifier) -> tuple[str, ...]:
    """Return the datasets that a classifier says it learned from, its own start's first."""
    before = classifier.training.get("start")
    earlier = before.get("learned_from", []) if isinstance(before, dict) else []
    names = [*(earlier if isinstance(earlier, list) else []), classifier.training.get("dataset", "?")]
    return tuple(dict.fromkeys(str(name) for name in names))


def _other_shape(what: Message, shape: tuple[int, ...], start: Start) -> SettingError:
    return SettingError(
        "{what} is {shape}, and '{name}' takes {expected}",
        hint="start from a classifier for images of that size, or leave start_from out",
        what=what,
        shape="x".join(map(str, shape)),
        name=start.name,
        expected="x".join(map(str, start.classifier.input_shape)),
    )
