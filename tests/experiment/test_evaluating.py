import numpy as np
import pytest

import imagelet
from imagelet.data import ImageSet
from imagelet.errors import DataError, RunError, SettingError
from imagelet.experiment import evaluate, train
from imagelet.experiment.evaluating import relabelled

QUICK = {"epochs": 2, "batch_size": 50, "learning_rate": 0.01}


@pytest.fixture
def run(small_data):
    return train("mnist", "softmax", **QUICK, name="run").run


def test_every_look_at_the_test_images_is_counted(run):
    first, second = evaluate("run"), evaluate(str(run.folder))
    assert (first.looks, second.looks) == (1, 2)
    assert first.metrics == second.metrics
    assert run.metrics["test"]["accuracy"] == first.metrics.accuracy
    assert (run.figures / "confusion-test.png").exists()


def test_looking_at_the_validation_images_is_no_look(run):
    evaluation = evaluate("run", split="validation")
    assert evaluation.looks is None
    assert run.looks == []
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
    assert evaluation.looks is None
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
    assert run.looks == []
