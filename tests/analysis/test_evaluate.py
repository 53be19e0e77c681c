import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

import imagelet
from imagelet import plots, train
from imagelet.analysis import error_analysis
from imagelet.analysis import evaluate as evaluate_module
from imagelet.analysis.error_analysis import cell_file, read_cell
from imagelet.analysis.evaluate import Evaluation, evaluate, evaluate_pictures
from imagelet.classifier.classifier import Classifier
from imagelet.data import ImageSet
from imagelet.data.imageset import relabelled
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.errors import DataError, RunError, SettingError, UnknownNameError, UsageError
from imagelet.metrics.calibration import Calibration
from imagelet.metrics.classification import clustered_interval
from imagelet.networks import build
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.picture_files import PictureFile

QUICK = {"epochs": 2, "batch_size": 50, "learning_rate": 0.01}


@pytest.fixture(autouse=True)
def few_shown(monkeypatch):
    """Let galleries be small: each image takes its time."""
    monkeypatch.setattr(error_analysis, "MOST_SHOWN", 2)
    monkeypatch.setattr(error_analysis, "SHOWN", 2)
    monkeypatch.setattr(error_analysis, "MOST_WRONG", 1)


@pytest.fixture
def run(small_data):
    return train("mnist", "softmax", **QUICK, name="run").run


def test_every_test_evaluation_is_counted(run):
    first, second = evaluate("run"), evaluate(str(run.folder))
    assert (first.test_evaluations, second.test_evaluations) == (1, 2)
    assert first.metrics == second.metrics
    assert run.metrics["test"]["accuracy"] == first.metrics.accuracy
    assert (run.figures / "confusion-test.png").exists()


def test_an_evaluation_on_validation_images_is_not_counted(run):
    evaluation = evaluate("run", split="validation")
    assert evaluation.test_evaluations is None
    assert run.test_evaluations == []
    assert evaluation.metrics.accuracy == run.metrics["validation"]["accuracy"]
    assert evaluation.metrics.images == 60


def test_figures_agree_with_predictions_one_by_one(run):
    evaluation = evaluate("run")
    images = imagelet.load_dataset("mnist").test
    classifier = imagelet.load("run")
    right = [
        int(classifier.predict_proba(images.images[i : i + 1]).argmax() == images.labels[i])
        for i in range(len(images))
    ]
    assert evaluation.metrics.accuracy == np.mean(right)
    assert sum(sum(row) for row in evaluation.metrics.confusion) == 100


def test_another_dataset_is_evaluated_without_counting(run):
    file = run.classifier_file.rename(run.folder.parent / "moved.safetensors")
    evaluation = evaluate(str(file), "mnist")
    assert evaluation.metrics.images == 100
    assert evaluation.test_evaluations is None
    assert evaluate(str(file)).metrics == evaluation.metrics  # its header names the dataset


def test_another_datasets_classes_must_be_known(run):
    with pytest.raises(DataError, match="which the classifier does not know"):
        evaluate("run", "fashion-mnist")


def test_labels_are_matched_by_class_name():
    images = ImageSet(np.zeros((3, 2, 2, 1), np.uint8), np.array([0, 1, 0]), ("b", "c"))
    matched = relabelled(images, ("a", "b", "c"), "it")
    assert matched.labels.tolist() == [1, 2, 1]
    assert matched.classes == ("a", "b", "c")


def test_what_is_not_there_is_said(run):
    with pytest.raises(RunError, match=r"no run 'rum'.* did you mean 'run'"):
        evaluate("rum")
    with pytest.raises(SettingError, match="unknown split 'train'"):
        evaluate("run", split="train")


def test_test_images_of_changed_data_are_not_looked_at(run, small_data):
    for kind in ("images-idx3", "labels-idx1"):
        content = (small_data / "mnist" / f"t10k-{kind}-ubyte.gz").read_bytes()
        (small_data / "mnist" / f"train-{kind}-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match="the data has changed"):
        evaluate("run")
    assert run.test_evaluations == []


def write_folder(folder, copies, seed):
    """Write ``copies`` noisy 12×12 pictures for each of three classes that a straight line can tell apart."""
    drawn = np.random.default_rng(seed)
    for label, name in enumerate(("left", "middle", "right")):
        (folder / name).mkdir(parents=True)
        for number in range(copies):
            pixels = drawn.integers(0, 60, (12, 12)).astype(np.uint8)
            pixels[:, label * 4 : label * 4 + 4] += 150
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_a_folder_is_tested_on_what_was_set_aside_and_another_one_on_all_of_it(tmp_path, monkeypatch):
    own, other = write_folder(tmp_path / "own", 20, 0), write_folder(tmp_path / "other", 5, 1)
    monkeypatch.chdir(tmp_path)
    run = train("own", "softmax", epochs=20, batch_size=8, learning_rate=0.02).run
    monkeypatch.chdir("/")  # a run finds its data from anywhere
    evaluation = evaluate(str(run.folder))
    assert (evaluation.metrics.images, evaluation.test_evaluations) == (12, 1)  # a fifth of each class
    assert evaluation.metrics.accuracy == 1.0
    file = run.classifier_file.rename(tmp_path / "alone.safetensors")
    assert evaluate(str(file), str(own)).metrics.images == 12  # never on what it was trained on
    elsewhere = evaluate(str(file), str(other))
    assert (elsewhere.metrics.images, elsewhere.test_evaluations) == (15, None)


def test_an_archive_is_evaluated_on_as_the_folder_that_it_holds(tmp_path, monkeypatch):
    write_folder(tmp_path / "own", 20, 0)
    write_folder(tmp_path / "other", 5, 1)
    monkeypatch.chdir(tmp_path)
    own, other = (shutil.make_archive(name, "zip", tmp_path, name) for name in ("own", "other"))
    run = train(own, "softmax", epochs=20, batch_size=8, learning_rate=0.02).run
    evaluation = evaluate(str(run.folder))
    assert (evaluation.metrics.images, evaluation.test_evaluations) == (12, 1)
    file = run.classifier_file.rename(tmp_path / "alone.safetensors")
    for packed in (own, shutil.make_archive("again", "gztar", tmp_path, "own"), "own"):
        again = evaluate(str(file), packed).metrics  # what was set aside, in any form
        assert again == dataclasses.replace(evaluation.metrics, copies_of_training=None)
    elsewhere, unpacked = evaluate(str(file), other), evaluate(str(file), "other")
    assert elsewhere.metrics == unpacked.metrics
    assert elsewhere.pictures.files[0] == str(tmp_path / "other.zip" / "other" / "left" / "0.png")


def test_arrays_of_the_same_size_are_evaluated_on(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "own", 10, 0)
    monkeypatch.chdir(tmp_path)
    run = train("own", "softmax", epochs=20, batch_size=8, learning_rate=0.02).run
    paths = sorted(folder.rglob("*.png"))
    images = np.stack([np.asarray(Image.open(path)) for path in paths])
    names = [path.parent.name for path in paths]
    np.savez("arrays.npz", x_train=images, y_train=names, x_test=images, y_test=names)
    assert evaluate(str(run.folder), "arrays.npz").metrics.images == 30
    assert run.test_evaluations == []


def test_the_same_folder_by_another_path_is_still_the_runs_own(tmp_path, monkeypatch):
    write_folder(tmp_path / "own", 10, 0)
    monkeypatch.chdir(tmp_path)
    run = train("own", "softmax", epochs=2, batch_size=8).run
    evaluation = evaluate(str(run.folder), "./own")
    assert (evaluation.metrics.images, evaluation.test_evaluations) == (6, 1)


def test_data_that_moved_is_still_the_runs_own(tmp_path, monkeypatch):
    write_folder(tmp_path / "own", 10, 0)
    monkeypatch.chdir(tmp_path)
    run = train("own", "softmax", epochs=2, batch_size=8).run
    before = evaluate(run.folder.as_posix())
    (tmp_path / "own").rename(tmp_path / "moved")
    with pytest.raises(DataError, match=r"are not in .*own any more") as refused:
        evaluate(run.folder.as_posix())
    assert f"imagelet evaluate {run.folder} --data NEW" in refused.value.hint
    moved = evaluate(run.folder.as_posix(), "moved")
    assert (moved.metrics, moved.test_evaluations) == (before.metrics, 2)
    assert "which lay in" in moved.understood[0]
    assert "counts as an evaluation on its test part" in moved.understood[0]


def test_data_that_changed_on_its_way_is_another_set(tmp_path, monkeypatch):
    write_folder(tmp_path / "own", 10, 0)
    monkeypatch.chdir(tmp_path)
    run = train("own", "softmax", epochs=2, batch_size=8).run
    for place in ("train", "test"):
        write_folder(tmp_path / "parted" / place, 5, len(place))
    parted = train("parted", "softmax", epochs=2, batch_size=8).run
    for folder in ("own", "parted"):
        (tmp_path / folder).rename(tmp_path / f"moved-{folder}")
    (tmp_path / "moved-own" / "left" / "0.png").unlink()
    other = evaluate(run.folder.as_posix(), "moved-own")
    assert (other.metrics.images, other.test_evaluations, run.test_evaluations) == (29, None, [])
    assert "does not count" in other.understood[0]
    assert evaluate(parted.folder.as_posix(), "moved-parted").test_evaluations == 1
    (tmp_path / "moved-parted" / "test" / "left" / "0.png").unlink()
    assert evaluate(parted.folder.as_posix(), "moved-parted").test_evaluations is None
    (tmp_path / "moved-parted").rename(tmp_path / "parted")
    with pytest.raises(DataError, match=r"are not those on which the run .* was evaluated before"):
        evaluate(parted.folder.as_posix())
    assert len(parted.test_evaluations) == 1


def test_registered_datasets_of_another_size_are_refused(run):
    with pytest.raises(DataError, match=r"images of \(8, 8, 1\)"):
        evaluate("run", "digits")
    with pytest.raises(DataError, match="no validation images of its own"):
        evaluate(
            str(run.classifier_file.rename(run.folder.parent / "c.safetensors")), "mnist", split="validation"
        )


def test_pictures_that_a_table_names_are_matched_by_their_labels(tmp_path, monkeypatch):
    own, other = write_folder(tmp_path / "own", 20, 0), write_folder(tmp_path / "other", 5, 1)
    monkeypatch.chdir(tmp_path)
    run = train("own", "softmax", epochs=20, batch_size=8, learning_rate=0.02).run
    rows = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in sorted(other.rglob("*.png"))]
    (tmp_path / "right.csv").write_text("\n".join(["path,label", *rows]))
    found = evaluate(str(run.folder), "right.csv")
    assert (found.metrics.images, found.test_evaluations, found.dataset) == (15, None, "right.csv")
    assert found.metrics.accuracy == 1.0
    assert run.test_evaluations == []
    turned = [row.replace(",left", ",right") for row in rows[:5]]
    (tmp_path / "wrong.csv").write_text("\n".join(["path,label", *turned, *rows[5:]]))
    assert evaluate(str(run.folder), "wrong.csv").metrics.accuracy == pytest.approx(10 / 15)
    (tmp_path / "other.csv").write_text(f"path,label\n{rows[0].replace(',left', ',up')}\n")
    with pytest.raises(DataError, match=r"other\.csv has the class 'up', which the classifier does not know"):
        evaluate(str(run.folder), "other.csv")
    with pytest.raises(DataError, match=r"the table 'gone\.csv' is not there"):
        evaluate(str(run.folder), "gone.csv")
    assert evaluate(str(run.folder), str(own)).metrics.images == 12


# -- own pictures, and where things are drawn ----------------------------------------------------------------


@pytest.fixture
def others(tmp_path):
    """Return a folder of five pictures a class, and a classifier's file that nothing else belongs to."""
    write_folder(tmp_path / "own", 20, 0)
    run = train(str(tmp_path / "own"), "softmax", epochs=20, batch_size=8, learning_rate=0.02).run
    return write_folder(tmp_path / "other", 5, 1), run.classifier_file.rename(tmp_path / "alone.safetensors")


def test_of_a_folder_the_mistakes_are_told_and_drawn(others, tmp_path):
    folder, file = others
    (folder / "left" / "0.png").rename(folder / "right" / "strange.png")
    found = evaluate(str(file), str(folder), out=tmp_path / "drawn")
    assert found.figures == tmp_path / "drawn"
    assert {each.name for each in found.figures.iterdir()} >= {
        "confusion.png",
        "misclassified.png",
        "reliability.png",
    }
    (mistake,) = found.to_json()["misclassified"]
    assert mistake["file"] == str(folder / "right" / "strange.png")
    assert (mistake["label"], mistake["predicted"]) == ("right", "left")
    assert found.metrics.accuracy == pytest.approx(14 / 15)
    assert found.by_source is None
    nowhere = evaluate(str(file), str(folder))
    assert nowhere.figures is None
    assert nowhere.metrics == found.metrics


def test_a_table_with_sources_gives_an_interval_by_source(others, tmp_path):
    _, file = others
    names = ("left", "middle", "right")
    rows = [f"other/{name}/{number}.png,{name},person {number}" for number in range(5) for name in names]
    swapped = [row.replace(",left", ",right") if row.endswith("4") else row for row in rows]
    (tmp_path / "right.csv").write_text("\n".join(["path,label,source", *rows]))
    (tmp_path / "wrong.csv").write_text("\n".join(["path,label,source", *swapped]))
    right, wrong = (evaluate(str(file), str(tmp_path / name)) for name in ("right.csv", "wrong.csv"))
    assert right.metrics.accuracy == 1.0
    assert right.to_json()["sources"] == wrong.to_json()["sources"] == 5
    low, high = right.by_source.interval
    assert low < right.metrics.interval.low - 0.1  # five people tell less than fifteen pictures
    assert high == 1.0
    assert wrong.metrics.accuracy == pytest.approx(14 / 15)
    low, high = wrong.by_source.interval
    assert low < 14 / 15 < high
    assert wrong.to_json()["interval_by_source"] == [low, high]


def test_the_set_aside_part_of_a_folder_is_no_test_of_own_pictures(others, tmp_path):
    _, file = others
    found = evaluate(str(file), str(tmp_path / "own"), out=tmp_path / "drawn")
    assert found.metrics.images == 12
    assert found.pictures is None
    assert found.to_json()["misclassified"] == []
    assert {each.name for each in (tmp_path / "drawn").iterdir()} == {
        "confusion-test.png",
        "predictions-test.png",
        "reliability-test.png",
    }


def test_a_dataset_is_drawn_where_one_says(run, tmp_path):
    file = run.classifier_file.rename(run.folder.parent / "alone.safetensors")
    found = evaluate(str(file), "mnist", out=tmp_path / "drawn")
    assert found.figures == tmp_path / "drawn"
    for each in ("confusion-test.png", "predictions-test.png"):
        with Image.open(found.figures / each) as image:
            assert image.format == "PNG"
    assert found.pictures is None


def test_a_runs_own_images_are_drawn_where_one_says(run, tmp_path):
    drawn = {each: each.stat().st_mtime_ns for each in run.figures.iterdir()}
    found = evaluate("run", out=tmp_path / "drawn")
    assert found.figures == tmp_path / "drawn"
    drawn_there = {each.name for each in found.figures.iterdir()}
    assert {"confusion-test.png", "predictions-test.png", "reliability-test.png"} <= drawn_there
    assert {each: each.stat().st_mtime_ns for each in run.figures.iterdir()} == drawn


# -- image by image ------------------------------------------------------------------------------------------


@pytest.fixture
def poor():
    """Return a run that has hardly begun to learn: it makes mistakes."""
    return train("digits", "softmax", epochs=1, name="poor").run


def test_what_is_told_of_images_agrees_with_the_confusion_matrix(poor):
    told = evaluate("poor").to_json()
    assert len(poor.test_evaluations) == 1
    images = imagelet.load_dataset("digits").test
    probabilities = imagelet.load("poor").predict_proba(images.images)
    classes = images.classes
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != images.labels)
    assert {each["image"] for each in told["misclassified"]} == set(wrong.tolist())
    assert len(wrong) > 2
    shares = [each["probability"] for each in told["misclassified"]]
    assert shares == sorted(shares, reverse=True)
    for each in told["misclassified"]:
        assert each["label"] == classes[images.labels[each["image"]]]
        assert each["probability"] == pytest.approx(probabilities[each["image"]].max())
    for cell in told["confused"]:
        row, column = classes.index(cell["label"]), classes.index(cell["predicted"])
        assert len(cell["images"]) == told["confusion"][row][column] > 0
    assert sum(len(cell["images"]) for cell in told["confused"]) == len(wrong)
    assert {each["image"] for each in told["label_issues"]} <= set(wrong.tolist())
    assert sum(each["images"] for each in told["reliability"]) == told["images"]


def test_a_cell_is_drawn_and_told(poor):
    confused = evaluate("poor", split="validation").to_json()["confused"][0]
    found = evaluate("poor", split="validation", cell=f"{confused['label']},{confused['predicted']}")
    cell = found.to_json()["cell"]
    figure = poor.figures / f"cell-{confused['label']}-{confused['predicted']}-validation.png"
    assert cell == {**confused, "figure": str(figure)}
    with Image.open(figure) as image:
        assert image.format == "PNG"
    assert poor.test_evaluations == []


def test_an_empty_cell_is_not_drawn_and_its_old_picture_goes(run):
    metrics = evaluate("run", split="validation").metrics
    row, column = np.argwhere(np.array(metrics.confusion) == 0)[0]
    old = run.figures / f"cell-{row}-{column}-validation.png"
    old.write_bytes(b"of an earlier look")
    cell = evaluate("run", split="validation", cell=f"{row},{column}").to_json()["cell"]
    assert (cell["images"], cell["figure"]) == ([], None)
    assert not old.exists()


def test_a_cell_that_is_none_is_said_before_anything_is_looked_at(run):
    with pytest.raises(UnknownNameError, match="unknown class '11'; did you mean '1'"):
        evaluate("run", cell="4,11")
    with pytest.raises(UsageError, match="'4' is not a cell"):
        evaluate("run", cell="4")
    assert run.test_evaluations == []


def test_names_of_a_cell_may_hold_commas_and_slashes():
    classes = ("T-shirt/top", "big, red", "red")
    assert read_cell("T-shirt/top, red", classes) == (0, 2)
    assert read_cell("big, red,red", classes) == (1, 2)
    assert read_cell("red,big, red", classes) == (2, 1)
    with pytest.raises(UnknownNameError, match="unknown class 't-shirt/tops'; did you mean 'T-shirt/top'"):
        read_cell("red,t-shirt/tops", classes)
    assert cell_file((0, 1), classes, "test") == "cell-T-shirt-top-big-red-test.png"


def test_of_own_pictures_files_stand_in_place_of_numbers(others, tmp_path):
    folder, file = others
    moved = folder / "right" / "strange.png"
    answers = imagelet.load(str(file)).predict(sorted((folder / "left").iterdir()))
    surest = max(answers, key=lambda answer: answer.probability).file
    Path(surest).rename(moved)
    told = evaluate(str(file), str(folder), out=tmp_path / "drawn", cell="right,left").to_json()
    figure = str(tmp_path / "drawn" / "cell-right-left.png")
    cell = {"label": "right", "predicted": "left", "files": [str(moved)]}
    assert told["confused"] == [cell]
    assert told["cell"] == {**cell, "figure": figure}
    (suspect,) = told["label_issues"]
    assert (suspect["file"], suspect["label"], suspect["suggested"]) == (str(moved), "right", "left")
    assert {each.name for each in (tmp_path / "drawn").iterdir()} == {
        *("confusion.png", "misclassified.png", "label-issues.png", "reliability.png", "cell-right-left.png")
    }
    assert evaluate(str(file), str(folder), cell="right,left").to_json()["cell"]["figure"] is None


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
def listed(tmp_path: Path) -> LabelledPictures:
    """Return the pictures of ``DRAWN``, 8×8 and not of one colour, with their sources."""
    paths = []
    for number, (_, level, _) in enumerate(DRAWN):
        pixels = np.full((8, 8), level, np.uint8)
        pixels[:2, :2] ^= 1
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    labels = np.array([CLASSES.index(label) for label, _, _ in DRAWN])
    sources = tuple(source for _, _, source in DRAWN)
    pictures = tuple(map(PictureFile, paths))
    return LabelledPictures(tmp_path, CLASSES, pictures, labels, sources=sources)


def named(found: Evaluation) -> list[tuple[str, str, str]]:
    wrong = found.to_json()["misclassified"]
    return [(Path(each["file"]).name, each["label"], each["predicted"]) for each in wrong]


def test_mistakes_are_listed_the_surest_first(classifier: Classifier, listed: LabelledPictures) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None)
    assert named(found) == [
        ("1.png", "dark", "light"),
        ("5.png", "light", "dark"),
        ("6.png", "grey", "light"),
    ]
    assert found.metrics.accuracy == 6 / 9
    assert found.metrics.confusion == ((1, 0, 1), (0, 1, 1), (1, 0, 4))


def test_answers_are_those_of_predict(classifier: Classifier, listed: LabelledPictures) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None)
    answers = {each.file: each for each in classifier.predict(list(map(str, listed.pictures)))}
    told = found.to_json()
    for mistake in told["misclassified"]:
        answer = answers[mistake["file"]]
        assert (mistake["predicted"], mistake["warnings"]) == (answer.predicted, answer.warnings)
        assert mistake["probability"] == pytest.approx(answer.probability, abs=1e-6)
    right = [
        answers[str(own)].predicted == label
        for own, (label, _, _) in zip(listed.pictures, DRAWN, strict=True)
    ]
    sure = [answers[str(own)].sure for own in listed.pictures]
    assert told["unsure"] == sure.count(False) == 3
    doubted = [ok for ok, certain in zip(right, sure, strict=True) if not certain]
    assert told["correct_but_unsure"] == sum(doubted) == 2


def test_the_interval_by_source_is_of_the_sources_answers(
    classifier: Classifier, listed: LabelledPictures
) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None).to_json()
    right = np.array([True, False, True, True, True, False, False, True, True])
    assert found["sources"] == 3
    assert tuple(found["interval_by_source"]) == clustered_interval(right, [source for _, _, source in DRAWN])
    anonymous = dataclasses.replace(listed, sources=None)
    nobody = evaluate_pictures(classifier, anonymous, "mine", None).to_json()
    assert (nobody["sources"], nobody["interval_by_source"]) == (None, None)
    assert nobody["accuracy"] == found["accuracy"]


def test_the_figures_are_plain_data(classifier: Classifier, listed: LabelledPictures) -> None:
    found = evaluate_pictures(classifier, listed, "mine", None)
    told = json.loads(json.dumps(found.to_json()))
    assert told["misclassified"][0] == {
        **{"file": str(listed.pictures[1]), "label": "dark", "predicted": "light"},
        **{"probability": found.error_analysis.misclassified[0].probability, "warnings": []},
    }
    assert len(told["interval_by_source"]) == 2
    assert [told[name] for name in ("unsure", "correct_but_unsure", "sources")] == [3, 2, 3]


def test_labels_are_matched_by_name_and_classes_may_be_missing(
    classifier: Classifier, listed: LabelledPictures
) -> None:
    some = dataclasses.replace(listed, classes=("light", "dark"), labels=np.array([1, 1] + [0] * 7))
    found = evaluate_pictures(classifier, some.take(np.array([0, 1, 2, 3, 7])), "mine", None)
    assert named(found) == [("1.png", "dark", "light")]
    assert found.to_json()["sources"] == 3


def test_a_class_that_is_not_known_is_named(classifier: Classifier, listed: LabelledPictures) -> None:
    strange = dataclasses.replace(listed, classes=("dark", "grey", "shiny"))
    with pytest.raises(DataError, match="mine has the class 'shiny', which the classifier does not know"):
        evaluate_pictures(classifier, strange, "mine", None)


def test_a_picture_that_cannot_be_read_is_named(classifier: Classifier, listed: LabelledPictures) -> None:
    listed.pictures[2].path.write_bytes(b"no picture")
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
    pictures = tuple(map(PictureFile, paths))
    listed = LabelledPictures(tmp_path, strokes.classes, pictures, np.array([0, 0]))
    found = evaluate_pictures(strokes, listed, "it", None)
    assert named(found) == [("blank.png", "ink", "none")]
    assert found.to_json()["misclassified"][0]["warnings"] == ("the picture is blank: no ink was found",)


def test_a_picture_of_one_colour_is_as_unsure_as_predict_says(classifier: Classifier, tmp_path: Path) -> None:
    paths = (tmp_path / "white.png", tmp_path / "black.png")
    for path, level in zip(paths, (255, 0), strict=True):
        Image.new("L", (8, 8), level).save(path)
    listed = LabelledPictures(tmp_path, CLASSES, tuple(map(PictureFile, paths)), np.array([0, 0]))
    found = evaluate_pictures(classifier, listed, "it", None)
    answers = classifier.predict(list(paths))
    assert found.to_json()["unsure"] == sum(not answer.sure for answer in answers) == 2
    assert [each["warnings"] for each in found.to_json()["misclassified"]] == [answers[0].warnings]


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
    classifier: Classifier, listed: LabelledPictures, sheets: dict[str, Figure], tmp_path: Path
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
    listed: LabelledPictures,
    sheets: dict[str, Figure],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluate_module, "MOST_SHOWN", 2)
    found = evaluate_pictures(classifier, listed, "mine", tmp_path)
    assert len(found.error_analysis.misclassified) == 3
    assert [each.get_text() for each in sheets["misclassified.png"].texts][1::2] == ["1.png", "5.png"]


def test_without_mistakes_there_is_no_sheet_and_without_a_folder_nothing_is_drawn(
    classifier: Classifier, listed: LabelledPictures, sheets: dict[str, Figure], tmp_path: Path
) -> None:
    evaluate_pictures(classifier, listed, "mine", None)
    assert sheets == {}
    found = evaluate_pictures(classifier, listed.take(np.array([0, 2, 7])), "mine", tmp_path)
    assert found.error_analysis.misclassified == ()
    assert list(sheets) == ["confusion.png", "reliability.png"]
