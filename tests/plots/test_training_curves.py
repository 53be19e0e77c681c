import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

from imagelet import plots
from tests.plots.artists import drawn, title

pytestmark = pytest.mark.portable

HISTORY = {
    "loss": [1.5, 0.9, 0.6, 0.5],
    "accuracy": [0.4, 0.7, 0.8, 0.9],
    "val_loss": [1.4, 1.0, 0.8, 0.9],
    "val_accuracy": [0.45, 0.66, 0.79, 0.78],
    "learning_rate": [0.1, 0.1, 0.1, 0.1],
}
WITHOUT_VALIDATION = HISTORY | {"val_loss": [], "val_accuracy": []}


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """Return what each entry of the legend stands for: the line of its colour and marker, (x, y)."""
    legend = axes.get_legend()
    found = {}
    for entry, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        matching = [
            line
            for line in axes.get_lines()
            if line.get_color() == entry.get_color()
            and line.get_marker() == entry.get_marker()
            and line.get_linestyle() == entry.get_linestyle()
            and line.get_markerfacecolor() == entry.get_markerfacecolor()
        ]
        assert len(matching) == 1, f"the legend's '{text.get_text()}' looks like {len(matching)} lines"
        found[text.get_text()] = tuple(list(map(float, data)) for data in matching[0].get_data())
    return found


def test_the_legends_name_the_lines_of_the_right_figures() -> None:
    loss, accuracy = plots.curves(HISTORY).axes
    epochs = [1.0, 2.0, 3.0, 4.0]
    assert lines(loss) == {
        "training": (epochs, HISTORY["loss"]),
        "validation": (epochs, HISTORY["val_loss"]),
        "best epoch: 3": ([3.0], [0.8]),
    }
    assert lines(accuracy) == {
        "training": (epochs, HISTORY["accuracy"]),
        "validation": (epochs, HISTORY["val_accuracy"]),
        "best epoch: 3": ([3.0], [0.79]),
    }


def test_both_parts_have_a_title_and_named_axes() -> None:
    loss, accuracy = plots.curves(HISTORY).axes
    assert [title(axes).get_text() for axes in (loss, accuracy)] == ["Loss", "Accuracy"]
    assert [axes.get_xlabel() for axes in (loss, accuracy)] == ["epoch", "epoch"]
    assert [axes.get_ylabel() for axes in (loss, accuracy)] == ["loss (nats)", "accuracy"]


def test_training_and_validation_are_told_apart_by_colour() -> None:
    for axes in plots.curves(HISTORY).axes:
        training, validation, *_ = axes.get_legend().legend_handles
        assert training.get_color() != validation.get_color()


def test_a_vertical_line_stands_at_the_best_epoch() -> None:
    for axes in plots.curves(HISTORY).axes:
        upright = [line for line in axes.get_lines() if list(line.get_xdata()) == [3, 3]]
        assert len(upright) == 1
        assert list(upright[0].get_ydata()) == [0, 1]


def test_without_validation_there_is_one_line_and_no_best_epoch() -> None:
    for history in (WITHOUT_VALIDATION, {name: HISTORY[name] for name in ("loss", "accuracy")}):
        for axes, name in zip(plots.curves(history).axes, ("loss", "accuracy"), strict=True):
            assert lines(axes) == {"training": ([1.0, 2.0, 3.0, 4.0], HISTORY[name])}
            assert len(axes.get_lines()) == 1


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ([0.5, 0.9, 0.9, 0.9], [1.0, 0.5, 0.4, 0.4], 3),
        ([0.5, 0.5], [1.0, 1.0], 1),
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], 3),
        ([0.9, 0.2], [5.0, 0.1], 1),
        ([0.5, 0.6, 0.6], [], 2),
    ],
)
def test_the_best_epoch_has_the_highest_validation_accuracy_then_the_lowest_loss_then_is_the_first(
    accuracies: list[float], losses: list[float], best: int
) -> None:
    history = {
        "loss": [0.5] * len(accuracies),
        "accuracy": [0.5] * len(accuracies),
        "val_accuracy": accuracies,
        "val_loss": losses,
    }
    _, accuracy = plots.curves(history).axes
    assert [name for name in lines(accuracy) if name.startswith("best")] == [f"best epoch: {best}"]


def test_accuracies_are_written_in_percent_and_epochs_as_whole_numbers() -> None:
    for history in (HISTORY, {name: column[:2] for name, column in HISTORY.items()}):
        figure = plots.curves(history)
        drawn(figure)
        loss, accuracy = figure.axes
        assert all(label.get_text().endswith(" %") for label in accuracy.get_yticklabels())
        assert not any("%" in label.get_text() for label in loss.get_yticklabels())
        for label in [*loss.get_xticklabels(), *accuracy.get_xticklabels()]:
            assert label.get_text().replace("−", "-").lstrip("-").isdigit()


def test_a_single_epoch_is_seen_as_a_point() -> None:
    figure = plots.curves({name: column[:1] for name, column in HISTORY.items()})
    for axes in figure.axes:
        training, validation = axes.get_lines()[:2]
        assert training.get_marker() == validation.get_marker() == "o"
    drawn(figure)


def test_many_epochs_are_plain_lines() -> None:
    history = {name: list(np.linspace(0.9, 0.1, 200)) for name in HISTORY}
    training = plots.curves(history).axes[0].get_lines()[0]
    assert training.get_marker() in (None, "None", "none")


@settings(deadline=None, max_examples=5)
@given(st.integers(1, 60), st.booleans(), st.integers(0, 99))
def test_any_history_can_be_drawn(epochs: int, validated: bool, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, 1, (4, epochs))
    history = dict(zip(("loss", "accuracy", "val_loss", "val_accuracy"), values.tolist(), strict=True))
    figure = plots.curves(history if validated else {**history, "val_loss": [], "val_accuracy": []})
    drawn(figure)
    assert lines(figure.axes[0])["training"][1] == history["loss"]


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"loss": [], "accuracy": []},
        {"loss": [1.0], "accuracy": []},
        {"loss": [1.0]},
        {"accuracy": [1.0]},
        {"loss": [1.0, 0.5], "accuracy": [0.5]},
        {"loss": [1.0, 0.5], "accuracy": [0.5, 0.6], "val_loss": [1.0]},
        {"loss": [1.0, 0.5], "accuracy": [0.5, 0.6], "val_accuracy": [0.1, 0.2, 0.3]},
    ],
)
def test_a_history_with_holes_is_refused(history: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="one figure of each kind for each epoch"):
        plots.curves(history)
