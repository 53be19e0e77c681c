"""The course's lessons: settings and printed figures, as the notes have them."""

import re
import shlex

import pytest

from imagelet.course import lessons as course_lessons
from imagelet.course.lessons import (
    LANGUAGES,
    Exercise,
    Language,
    Training,
    all_pages,
    lessons,
    page_names,
    read_page,
    trainings,
)
from imagelet.course.results import experiment_of
from imagelet.errors import UnknownNameError
from imagelet.networks import build, summarize
from imagelet.runs.definition import Experiment

# id: dataset, parameters, optimizer, learning rate, batch, epochs, validation, seed, part and figure printed
NOTES = {
    "softmax": ("mnist", 7_850, "adam", 0.001, 100, 5, "0", 0, "test", 0.92),
    "mlp-512": ("mnist", 407_050, "sgd", 0.01, 128, 10, "course", 0, "test", 0.9224),
    "mlp-1024": ("mnist", 3_432_970, "adam", 0.001, 100, 15, "0.1", 0, "test", 0.9839),
    "cnn-1": ("mnist", 804_554, "sgd", 0.01, 128, 10, "course", 0, "validation", 0.9433),
    "cnn-3": ("mnist", 356_234, "adam", 0.001, 100, 5, "0.1", 0, "test", 0.9910),
    "basic-cnn": ("mnist", 1_676_266, "adam", 0.001, 64, 1, "0", 0, "test", 0.9845),
    "convnet": ("mnist", 93_322, "rmsprop", 0.001, 64, 5, "0", 0, "test", 0.9916),
    "deep-cnn": ("mnist", 5_259_594, "adam", 0.001, 100, 10, "0.1", 1234, "test", 0.9942),
    "fashion-cnn": ("fashion-mnist", 804_554, "adam", 0.001, 128, 10, "course", 0, "validation", 0.9191),
    "cifar-cnn": ("cifar-10", 2_125_578, "adam", 0.001, 128, 10, "course", 0, "validation", 0.6707),
}


def training(name: str) -> Training:
    found = lessons.get(name)
    assert isinstance(found, Training)
    return found


def test_there_are_ten_trainings_in_the_order_of_the_course() -> None:
    assert [each.name for each in trainings()] == list(NOTES)


@pytest.mark.parametrize("name", NOTES)
def test_settings_and_figures_are_the_notes(name: str) -> None:
    lesson, experiment = training(name), experiment_of(training(name))
    recipe, printed = experiment.recipe, lesson.printed[0]
    assert NOTES[name] == (
        experiment.dataset,
        lesson.parameters,
        recipe.optimizer,
        recipe.learning_rate,
        recipe.batch_size,
        recipe.epochs,
        experiment.validation,
        experiment.seed,
        printed.part,
        printed.accuracy,
    )


@pytest.mark.parametrize("name", NOTES)
def test_constants_are_those_of_keras(name: str) -> None:
    recipe = experiment_of(training(name)).recipe
    assert (recipe.beta1, recipe.beta2, recipe.rho, recipe.epsilon) == (0.9, 0.999, 0.9, 1e-7)
    assert (recipe.schedule, recipe.initial_weights, recipe.normalization) == ("constant", "glorot", "scale")
    assert (recipe.weight_decay, recipe.label_smoothing, recipe.max_gradient_norm, recipe.ema_decay) == (
        0,
    ) * 4
    assert (recipe.shift, recipe.rotation, recipe.scaling, recipe.flip) == (0, 0, 0, False)
    assert (recipe.early_stopping, recipe.warmup) == (0, 0)


@pytest.mark.parametrize("name", NOTES)
def test_parameters_are_those_of_the_network_that_is_built(name: str) -> None:
    lesson = training(name)
    shape = (32, 32, 3) if lesson.dataset == "cifar-10" else (28, 28, 1)
    assert summarize(build(lesson.network, input_shape=shape)).total == lesson.parameters


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("seed", [None, 7])
def test_the_command_that_is_told_is_the_same_experiment(
    name: str, seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagelet.cli import main, train

    class Caught(Exception):
        pass

    caught: list[Experiment] = []

    def catch(experiment: Experiment, *, test: bool, **_: object) -> None:
        assert test
        caught.append(experiment)
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run_watched", catch)
    words = shlex.split(training(name).command(seed))
    assert words[0] == "imagelet"
    assert main(words[1:]) == 130
    assert caught == [experiment_of(training(name), seed)]


def test_a_network_that_the_test_set_chose_for_is_never_used() -> None:
    assert all(each.validation in ("0", "0.1", "course") for each in trainings())


def test_exercises_use_trainings_that_there_are() -> None:
    exercises = [lesson for name in lessons if isinstance(lesson := lessons.get(name), Exercise)]
    assert [each.name for each in exercises] == [
        "feature-maps",
        "three-images",
        "probabilities",
        "own-digits",
    ]
    assert {each.training for each in exercises} <= {"", *NOTES}


def test_an_unknown_experiment_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'deep-cnn'"):
        lessons.get("deep_cnn")


every_page = pytest.mark.parametrize("name", page_names())
every_language = pytest.mark.parametrize("language", LANGUAGES)


def test_the_entrance_is_first_and_own_digits_are_last() -> None:
    names = page_names()
    assert (names[:3], names[-1]) == (["README", "pictures", "layers"], "own-digits")
    assert names[3:-1] == [training.name for training in trainings()]


@every_language
def test_every_page_that_lies_there_is_in_the_order(language: Language) -> None:
    assert [page for page in all_pages() if page.startswith(language)] == sorted(
        f"{language}/{name}" for name in page_names()
    )


@every_language
@every_page
def test_every_page_has_a_title_and_begins_with_it(name: str, language: Language) -> None:
    page = read_page(name, language)
    assert page.title
    assert not re.search("[<>&`]", page.title)
    heading = page.html.partition("\n")[0]
    assert re.fullmatch(r"<h1 id=\"[^\"]+\">(.+)</h1>", re.sub("</?code>", "", heading))[1] == page.title
    assert page.experiment == (name if name in [each.name for each in trainings()] else None)


def test_each_page_leads_to_the_next_and_back() -> None:
    names = page_names()
    pages = [read_page(name) for name in names]
    assert [page.next for page in pages] == [*names[1:], None]
    assert [page.previous for page in pages] == [None, *names[:-1]]


def test_the_languages_differ() -> None:
    assert read_page("cnn-3", "en").html != read_page("cnn-3", "ko").html


@pytest.mark.parametrize("name", ["cnn3", "../en/cnn-3", "", "cnn-3.html", "/etc/passwd"])
def test_an_unknown_name_is_refused_and_opens_nothing(name: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        read_page(name)
    assert "cnn-3" in refused.value.hint


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'layers'"):
        read_page("layer")


def test_a_training_without_a_page_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    without = [*trainings(), trainings()[0].__class__(**{**vars(trainings()[0]), "name": "from-a-plug-in"})]
    monkeypatch.setattr(course_lessons, "trainings", lambda: without)
    assert "from-a-plug-in" not in page_names()
