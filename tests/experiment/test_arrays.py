"""A training of arrays is a run like any other: tested, compared, explained and resumed, also tomorrow."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imagelet
from imagelet.errors import DataError, UsageError
from imagelet.training.loop import Step
from tests.conftest import make_images

NETWORK = "flatten dense(classes)"
QUICK: dict[str, Any] = {"recipe": "keras", "epochs": 2, "batch_size": 20}
X, Y = make_images(120, 10, 1, seed=1)
X_TEST, Y_TEST = make_images(40, 10, 1, seed=2)


def test_arrays_and_the_same_data_in_a_file_give_the_same_weights(tmp_path: Path) -> None:
    np.savez(tmp_path / "bars.npz", x_train=X, y_train=Y, x_test=X_TEST, y_test=Y_TEST)
    of_arrays = imagelet.train(X, Y, NETWORK, test_data=(X_TEST, Y_TEST), **QUICK)
    of_file = imagelet.train(tmp_path / "bars.npz", NETWORK, **QUICK)
    first, second = (end.classifier.network.state_dict() for end in (of_arrays, of_file))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert of_arrays.run.name == "arrays-network"


def test_its_own_test_images_count_however_they_are_passed() -> None:
    run = imagelet.train(X, Y, NETWORK, test_data=(X_TEST, Y_TEST), **QUICK)
    given = [
        (),
        (X_TEST, Y_TEST),
        ((X_TEST, Y_TEST),),
        (imagelet.load_dataset(X, Y, test_data=(X_TEST, Y_TEST)),),
    ]
    found = [imagelet.evaluate(run, *arguments) for arguments in given]
    assert [one.test_evaluations for one in found] == [1, 2, 3, 4]
    assert len({one.metrics.accuracy for one in found}) == 1
    others = imagelet.evaluate(run, X_TEST[:30], Y_TEST[:30])
    assert (others.test_evaluations, others.metrics.images) == (None, 30)


def test_images_that_were_learned_from_are_no_test_and_that_is_said() -> None:
    run = imagelet.train(X, Y, NETWORK, test_data=(X_TEST, Y_TEST), **QUICK)
    with pytest.warns(UserWarning, match="96 of these 120 images were learned from"):
        imagelet.evaluate(run, X, Y)


def test_a_finished_training_says_its_figures() -> None:
    run = imagelet.train(X, Y, NETWORK, name="bars", **QUICK)
    assert repr(run).startswith("Finished(run '")
    assert "validation accuracy" in repr(run)


def test_arrays_of_another_size_are_framed_as_pictures_are() -> None:
    run = imagelet.train(X, Y, NETWORK, **QUICK)
    larger = X_TEST.repeat(2, axis=1).repeat(2, axis=2)
    assert imagelet.evaluate(run, larger, Y_TEST).metrics.images == 40


def test_validation_images_of_its_own_choose_the_epoch() -> None:
    run = imagelet.train(X, Y, NETWORK, validation_data=(X_TEST, Y_TEST), **QUICK)
    assert run.metrics["validation"]["images"] == 40
    assert run.run.experiment["resolved"]["training_images"] == 100  # a fifth is for testing


@pytest.mark.slow
def test_another_process_finds_the_arrays() -> None:
    run = imagelet.train(X, Y, NETWORK, name="bars", **QUICK).run
    program = f"import imagelet; print(imagelet.evaluate({str(run.folder)!r}).metrics.accuracy)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(told.stdout) == imagelet.evaluate(run).metrics.accuracy


def stopped() -> imagelet.Run:
    """Return a run that was left after an epoch."""
    experiment = imagelet.describe(
        imagelet.load_dataset(X, Y), NETWORK, "keras", {"epochs": 2, "batch_size": 20}
    )
    events = imagelet.run_experiment(experiment, name="stopped")
    run = next(events).run
    while isinstance(next(events), Step):
        pass
    events.close()
    return run


def test_arrays_that_are_gone_are_passed_again() -> None:
    straight = imagelet.train(X, Y, NETWORK, name="straight", **QUICK)
    run = stopped()
    kept = Path(straight.run.experiment["dataset"])
    shutil.rmtree(kept)
    with pytest.raises(DataError, match="are not there any more") as gone:
        imagelet.resume(run)
    assert "imagelet.resume(run, data=…)" in gone.value.hint
    with pytest.raises(DataError, match="are not there any more"):
        imagelet.evaluate(straight)
    assert imagelet.evaluate(straight, X_TEST, Y_TEST).metrics.images == 40
    with pytest.raises(DataError, match="the data has changed"):
        imagelet.resume(run, data=(X[::-1], Y[::-1]))
    resumed = imagelet.resume(run, data=(X, Y))
    first, second = (end.classifier.network.state_dict() for end in (straight, resumed))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    imagelet.train(X, Y, NETWORK, epochs=1)  # keeps them again, in the same place
    assert imagelet.evaluate(straight).metrics.images == 20


def test_the_network_may_follow_data_that_has_its_labels() -> None:
    data = imagelet.ImageSet.from_arrays(X, Y)
    run = imagelet.train(data, NETWORK, "keras", epochs=1, batch_size=20).run
    assert (run.experiment["network"], run.experiment["recipe"]["name"]) == (NETWORK, "keras")
    run = imagelet.train(X, Y, network=NETWORK, recipe="keras", epochs=1, batch_size=20).run
    assert run.experiment["network"] == NETWORK


def test_labels_and_a_split_are_not_mixed_up() -> None:
    run = imagelet.train(X, Y, NETWORK, **QUICK)
    with pytest.raises(UsageError, match="labels go with arrays") as caught:
        imagelet.evaluate(run, "digits", "validation")
    assert "split='validation'" in caught.value.hint


def test_runs_may_be_written_to_a_folder_as_text(tmp_path: Path) -> None:
    run = imagelet.train(X, Y, NETWORK, folder=str(tmp_path / "mine"), **QUICK).run
    assert run.folder.parent == tmp_path / "mine"
