import pytest

from imagelet.errors import RunError
from imagelet.report.gathering import gather, interval_in_words, part_figures

CONFUSION = [[5, 1, 0], [0, 4, 2], [2, 0, 6]]
FIGURES = {
    "images": 20,
    "accuracy": 0.75,
    "interval": [0.53, 0.89],
    "loss": 0.5,
    "calibration_error": 0.1,
    "classes": [
        {"class": place, "name": name, "images": 6, "precision": None, "recall": 0.5, "f1": 0.5}
        for place, name in enumerate("abc")
    ],
    "confusion": CONFUSION,
}


def test_right_answers_are_the_diagonal():
    assert part_figures("test", FIGURES)["right"] == 15


def test_confusions_come_by_their_number():
    assert part_figures("test", FIGURES)["confused"] == [("b", "c", 2), ("c", "a", 2), ("a", "b", 1)]


def test_intervals_are_said_in_words():
    assert interval_in_words(part_figures("test", FIGURES)) == "95 % interval 53.00 to 89.00 %"


def test_what_the_folder_tells(trained):
    facts = gather(trained)
    experiment, metrics = trained.experiment, trained.metrics
    assert facts.resolved == experiment["resolved"]
    assert facts.metrics["parameters"] == metrics["parameters"]
    (part,) = facts.parts
    assert part["part"] == "validation"
    assert part["accuracy"] == pytest.approx(part["right"] / part["images"])
    assert facts.test_evaluations == ()
    assert len(facts.history["loss"]) == facts.metrics["epochs"] == 2
    assert {each.name for each in facts.settings if each.differs} == {"epochs", "learning_rate"}
    assert "torch" in facts.environment


def test_a_run_that_is_not_finished_has_nothing_to_report(trained):
    (trained.folder / "metrics.json").unlink()
    with pytest.raises(RunError, match="not finished") as caught:
        gather(trained)
    assert "--resume" in caught.value.hint


@pytest.mark.parametrize("content", ["{}", '{"parameters": 1}', "[]", "{"])
def test_a_damaged_folder_gets_one_sentence(trained, content):
    (trained.folder / "metrics.json").write_text(content)
    with pytest.raises(RunError, match="damaged"):
        gather(trained)
