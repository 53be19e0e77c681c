"""`imagelet code`: which training is written, where, and what is said of it."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from imagelet.networks import build
from tests.cli.conftest import Outcome
from tests.explanation.classifiers import classifier_of

Run = Callable[..., Outcome]


def test_a_network_of_the_course_is_printed_with_its_settings(run: Run) -> None:
    outcome = run("code", "mlp-512")
    assert outcome.code == 0
    compile(outcome.stdout, "script", "exec")
    assert "keras.optimizers.SGD(0.01)" in outcome.stdout
    assert "test_size=0.2, random_state=9" in outcome.stdout
    assert "keras.datasets.mnist.load_data()" in outcome.stdout
    assert outcome.stderr == ""


def test_a_colour_network_takes_cifar_10_and_text_takes_mnist(run: Run) -> None:
    assert "CIFAR-10" in run("code", "resnet-8").stdout.splitlines()[0]
    outcome = run("code", "flatten dense(classes) softmax", "--framework", "pytorch")
    assert outcome.stdout.startswith('"""A network on MNIST with PyTorch: 7,850 parameters."""')
    assert "imagelet data save mnist mnist.npz" in outcome.stderr


def test_a_script_is_written_and_its_facts_are_given(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    outcome = run("code", "softmax", "--data", "kmnist", "--recipe", "mnist-fast", "--out", path, "--json")
    facts = outcome.document
    assert path.read_text("utf-8") == facts["code"]
    assert (facts["framework"], facts["network"], facts["parameters"]) == ("keras", "softmax", 7850)
    assert (facts["file"], facts["weights"]) == (str(path), None)
    assert "Muon: AdamW takes its place" in facts["left_out"]
    said = run("code", "softmax", "--recipe", "mnist-fast", "--out", path)
    assert "left out of the script: " in said.stderr
    assert "AdamW" in said.stderr


def test_help_promises_the_fields(run: Run, documented: Callable[..., str]) -> None:
    assert run("code", "softmax", "--json").fields == documented("code")


def test_a_runs_weights_give_its_accuracy(
    run: Run,
    short_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("data", "save", "digits", "digits.npz").code == 0
    tested = run("evaluate", short_run, "--json").document
    written = run("code", short_run, "--framework", "pytorch", "--weights")
    assert "weights     short.weights.npz" in written.stdout
    capsys.readouterr()
    runpy.run_path("short.py")
    printed = capsys.readouterr().out
    assert float(printed.split()[-1]) == pytest.approx(tested["accuracy"], abs=1e-4)


def test_a_run_is_written_with_its_own_split_and_recipe(run: Run, short_run: Path) -> None:
    code = run("code", short_run, "--framework", "pytorch").stdout
    assert 'np.load("digits.npz")' in code
    assert "test_size=0.2, stratify=y_train, random_state=0" in code
    assert "for epoch in range(1)" in code
    refused = run("code", short_run, "--recipe", "keras")
    assert refused.code == 2
    assert "a run is written as it was trained" in refused.stderr


def test_a_run_with_a_networks_name_is_told_apart(
    run: Run, short_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGELET_RUNS", str(short_run.parent))
    short_run.rename(short_run.with_name("softmax"))
    assert "'softmax' is taken for the network" in run("code", "softmax").stderr


def test_a_name_of_neither_gets_the_nearest(run: Run) -> None:
    outcome = run("code", "cnn3")
    assert outcome.code == 2
    assert "there is no network and no run 'cnn3'; did you mean 'cnn-3'?" in outcome.stderr


def test_what_a_classifiers_file_says_does_not_get_into_the_script(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classifier_of(build("flatten dense(classes)", (8, 8, 1), 3, seed=1))
    made.training.update(dataset='"""; import os', recipe={"name": '"""evil', "optimizer": "sgd"})
    path = tmp_path / 'o\'dd "name" #.safetensors'
    made.save(path)
    for framework in ("keras", "pytorch"):
        outcome = run("code", path, "--framework", framework)
        assert outcome.code == 0, outcome.stderr
        compile(outcome.stdout, "script", "exec")
        assert "import os" not in outcome.stdout
        assert "evil" not in outcome.stdout


def test_weights_of_a_network_that_was_never_trained_are_refused(run: Run) -> None:
    outcome = run("code", "cnn-3", "--weights")
    assert outcome.code == 2
    assert "no run" in outcome.stderr
