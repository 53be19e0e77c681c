"""Own labelled pictures, judged by a classifier whose weights are set by hand."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from imagelet import plots
from imagelet.analysis import own_pictures
from imagelet.analysis.own_pictures import OwnPictures, evaluate_pictures
from imagelet.classifier.classifier import Classifier
from imagelet.data.labelled_pictures import LabelledFiles
from imagelet.errors import DataError
from imagelet.metrics.calibration import Calibration
from imagelet.metrics.classification import clustered_interval
from imagelet.networks import build
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization

CLASSES = ("dark", "grey", "light")
DRAWN = [  # the label, the level, and who it is from
    ("dark", 10, "ann"),
    ("dark", 250, "ann"),  # the surest mistake
    ("light", 240, "ann"),
    ("light", 195, "bob"),  # right, but not surely
    ("grey", 130, "bob"),
    ("light", 20, "bob"),  # a sure mistake
    ("grey", 195, "cy"),  # a mistake that it is not sure of
    ("light", 255, "cy"),
    ("light", 196, "cy"),  # right, but not surely
]


@pytest.fixture
def classifier(by_brightness: Callable[[Framing], Classifier]) -> Classifier:
    """Return a classifier that tells by their mean whether 4×4 pictures are dark, grey or light."""
    return by_brightness(Framing("stretch", 4, 4, 1))


@pytest.fixture
def listed(tmp_path: Path) -> LabelledFiles:
    """Return the pictures of ``DRAWN``, 8×8 and not of one colour, with their sources."""
    paths = []
    for number, (_, level, _) in enumerate(DRAWN):
        pixels = np.full((8, 8), level, np.uint8)
        pixels[:2, :2] ^= 1
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    labels = np.array([CLASSES.index(label) for label, _, _ in DRAWN])
    sources = tuple(source for _, _, source in DRAWN)
    return LabelledFiles(tmp_path, CLASSES, tuple(paths), labels, sources=sources)


def named(found: OwnPictures) -> list[tuple[str, str, str]]:
    return [(Path(each.file).name, each.label, each.predicted) for each in found.misclassified]


def test_mistakes_are_listed_the_surest_first(classifier: Classifier, listed: LabelledFiles) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None)
    assert named(found) == [
        ("1.png", "dark", "light"),
        ("5.png", "light", "dark"),
        ("6.png", "grey", "light"),
    ]
    assert found.metrics.accuracy == 6 / 9
    assert found.metrics.confusion == ((1, 0, 1), (0, 1, 1), (1, 0, 4))


def test_answers_are_those_of_predict(classifier: Classifier, listed: LabelledFiles) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None)
    answers = {each.file: each for each in classifier.predict(list(listed.paths))}
    for mistake in found.misclassified:
        answer = answers[mistake.file]
        assert (mistake.predicted, mistake.warnings) == (answer.predicted, answer.warnings)
        assert mistake.probability == pytest.approx(answer.probability, abs=1e-6)
    right = [
        answers[str(path)].predicted == label for path, (label, _, _) in zip(listed.paths, DRAWN, strict=True)
    ]
    sure = [answers[str(path)].sure for path in listed.paths]
    assert found.unsure == sure.count(False) == 3
    doubted = [ok for ok, certain in zip(right, sure, strict=True) if not certain]
    assert found.correct_but_unsure == sum(doubted) == 2


def test_the_interval_by_source_is_of_the_sources_answers(
    classifier: Classifier, listed: LabelledFiles
) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None)
    right = np.array([True, False, True, True, True, False, False, True, True])
    assert found.sources == 3
    assert found.by_source == clustered_interval(right, [source for _, _, source in DRAWN])
    nobody = evaluate_pictures(classifier, dataclasses.replace(listed, sources=None), "mine", None)
    assert (nobody.sources, nobody.by_source) == (None, None)
    assert nobody.metrics == found.metrics


def test_the_figures_are_plain_data(classifier: Classifier, listed: LabelledFiles) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None)
    told = json.loads(json.dumps(found.to_json()))
    assert told["misclassified"][0] == {
        **{"file": str(listed.paths[1]), "label": "dark", "predicted": "light"},
        **{"probability": found.misclassified[0].probability, "warnings": []},
    }
    assert told["interval_by_source"] == list(found.by_source or ())
    assert [told[name] for name in ("unsure", "correct_but_unsure", "sources")] == [3, 2, 3]


def test_labels_are_matched_by_name_and_classes_may_be_missing(
    classifier: Classifier, listed: LabelledFiles
) -> None:
    some = dataclasses.replace(listed, classes=("light", "dark"), labels=np.array([1, 1] + [0] * 7))
    found = evaluate_pictures(classifier, some.take(np.array([0, 1, 2, 3, 7])), "mine", None)
    assert named(found) == [("1.png", "dark", "light")]
    assert found.sources == 3


def test_a_class_that_is_not_known_is_named(classifier: Classifier, listed: LabelledFiles) -> None:
    strange = dataclasses.replace(listed, classes=("dark", "grey", "shiny"))
    with pytest.raises(DataError, match="mine has the class 'shiny', which the classifier does not know"):
        evaluate_pictures(classifier, strange, "mine", None)


def test_a_picture_that_cannot_be_read_is_named(classifier: Classifier, listed: LabelledFiles) -> None:
    listed.paths[2].write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"2\.png"):
        evaluate_pictures(classifier, listed, "mine", None)


def test_pictures_are_framed_and_what_is_odd_about_them_is_told(tmp_path: Path) -> None:
    """Of handwriting, a blank sheet is told; nothing else is there to be seen."""
    framing = Framing("handwriting", 28, 28, 1, 20 / 28)
    network = build("flatten dense(classes)", framing.shape, classes=2)
    strokes = Classifier(
        network, ("ink", "none"), framing, Normalization((0.0,), (1.0,)), Calibration.none(), {}
    )
    with torch.no_grad():
        network.state_dict()["dense1.weight"].copy_(torch.tensor([[1.0], [0.0]]).expand(2, 784))
        network.state_dict()["dense1.bias"].copy_(torch.tensor([-1.0, 0.0]))
    sheet = np.full((90, 90), 255, np.uint8)
    Image.fromarray(sheet).save(tmp_path / "blank.png")
    sheet[20:70, 42:50] = 0
    Image.fromarray(sheet).save(tmp_path / "stroke.png")
    paths = (tmp_path / "blank.png", tmp_path / "stroke.png")
    found = evaluate_pictures(
        strokes, LabelledFiles(tmp_path, strokes.classes, paths, np.array([0, 0])), "it", None
    )
    assert named(found) == [("blank.png", "ink", "none")]
    assert found.misclassified[0].warnings == ("the picture is blank: no ink was found",)


def test_a_picture_of_one_colour_is_as_unsure_as_predict_says(classifier: Classifier, tmp_path: Path) -> None:
    paths = (tmp_path / "white.png", tmp_path / "black.png")
    for path, level in zip(paths, (255, 0), strict=True):
        Image.new("L", (8, 8), level).save(path)
    found = evaluate_pictures(
        classifier, LabelledFiles(tmp_path, CLASSES, paths, np.array([0, 0])), "it", None
    )
    answers = classifier.predict(list(paths))
    assert found.unsure == sum(not answer.sure for answer in answers) == 2
    assert [each.warnings for each in found.misclassified] == [answers[0].warnings]


# -- pictures of it ------------------------------------------------------------------------------------------


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Return a dictionary of the figures that will have been saved, by their files' names."""
    saved: dict[str, Figure] = {}
    save = plots.save

    def kept(figure: Figure, path: Path) -> None:
        saved[path.name] = figure
        save(figure, path)

    monkeypatch.setattr(plots, "save", kept)
    return saved


@pytest.mark.usefixtures("drawn_pictures")
def test_the_mistakes_and_the_confusion_are_drawn(
    classifier: Classifier, listed: LabelledFiles, sheets: dict[str, Figure], tmp_path: Path
) -> None:
    evaluate_pictures(classifier, listed, "mine", tmp_path / "new" / "drawn")
    assert sorted(each.name for each in (tmp_path / "new" / "drawn").iterdir()) == [
        "confusion.png",
        "label-issues.png",
        "misclassified.png",
        "reliability.png",
    ]
    for path in (tmp_path / "new" / "drawn").iterdir():
        with Image.open(path) as image:
            assert (image.format, image.width > 300) == ("PNG", True)
    sheet = sheets["misclassified.png"]
    assert [axes.images[0].get_array().shape[:2] for axes in sheet.axes] == [(8, 8), (4, 4)] * 3
    levels = [int(axes.images[0].get_array()[-1, -1, 0]) for axes in sheet.axes]
    assert levels == [250, 250, 20, 20, 195, 195]
    texts = [each.get_text() for each in sheet.texts]
    assert texts[1::2] == ["1.png", "5.png", "6.png"]
    assert [text.split()[0] for text in texts[::2]] == ["light", "dark", "light?"]
    assert [text.split()[-1] for text in texts[::2]] == ["dark", "light", "grey"]


def test_of_very_many_mistakes_the_surest_are_drawn(
    classifier: Classifier,
    listed: LabelledFiles,
    sheets: dict[str, Figure],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_pictures, "MOST_SHOWN", 2)
    found = evaluate_pictures(classifier, listed, "mine", tmp_path)
    assert len(found.misclassified) == 3
    assert [each.get_text() for each in sheets["misclassified.png"].texts][1::2] == ["1.png", "5.png"]


def test_without_mistakes_there_is_no_sheet_and_without_a_folder_nothing_is_drawn(
    classifier: Classifier, listed: LabelledFiles, sheets: dict[str, Figure], tmp_path: Path
) -> None:
    evaluate_pictures(classifier, listed, "mine", None)
    assert sheets == {}
    found = evaluate_pictures(classifier, listed.take(np.array([0, 2, 7])), "mine", tmp_path)
    assert found.misclassified == ()
    assert list(sheets) == ["confusion.png", "reliability.png"]
